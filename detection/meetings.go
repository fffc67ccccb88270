package detection

import "slips-ips/argusfeed"

// meetings are what crowds have still to note, in its order. Each thing that is noted
// is some reads of cold memory; together a processor fetches them in the time of a
// few. Where many wait and nobody has asked, another goroutine notes them meanwhile.
// All of it is noted before anybody is told of the crowds, so that what is told
// depends neither on when that is nor on the number of processors.
type meetings struct {
	crowds  *crowds
	waiting []meeting
	touched uint64

	handed []meeting // to the other goroutine, which runs work
	busy   bool      // it may not have ended
	work   func()
	noted  chan struct{} // has a token when it has
}

// meeting is a tuple whose first answered flow has come or, where the source is
// inside, its first flow.
type meeting struct {
	tuple    argusfeed.Tuple
	answered bool
}

// maxMeetings is how many wait at most before they are handed over, meetStep how many
// are fetched at a time.
const (
	maxMeetings = 512
	meetStep    = 32
)

func (m *meetings) init(c *crowds) {
	m.crowds, m.noted = c, make(chan struct{}, 1)
	m.waiting, m.handed = make([]meeting, 0, maxMeetings), make([]meeting, 0, maxMeetings)
	m.work = func() {
		m.noteAll(m.handed)
		m.noted <- struct{}{}
	}
}

// add has a tuple noted, now or later.
func (m *meetings) add(t *argusfeed.Tuple, answered bool) {
	if len(m.waiting) == maxMeetings {
		m.await()
		m.waiting, m.handed = m.handed[:0], m.waiting
		m.busy = true
		go m.work()
	}
	m.waiting = append(m.waiting, meeting{*t, answered})
}

// settle notes what waits. Only then the crowds may be looked at.
func (m *meetings) settle() {
	m.await()
	m.noteAll(m.waiting)
	m.waiting = m.waiting[:0]
}

// await waits for the other goroutine.
func (m *meetings) await() {
	if m.busy {
		<-m.noted
		m.busy = false
	}
}

func (m *meetings) noteAll(all []meeting) {
	for len(all) > 0 {
		n := min(len(all), meetStep)
		m.note(all[:n])
		all = all[n:]
	}
}

// note notes at most meetStep tuples.
func (m *meetings) note(step []meeting) {
	var networks, hosts [meetStep]uint64
	c := m.crowds
	for i := range step {
		t := &step[i].tuple
		hosts[i] = t.Src.Hash(c.hosts.seed)
		if step[i].answered {
			networks[i] = netOf(t.Dst).hash(c.networks.seed)
		}
	}
	for i := range step {
		m.touched += c.hosts.home(hosts[i])
		if step[i].answered {
			m.touched += c.networks.home(networks[i])
		}
	}
	for i := range step {
		c.meet(&step[i], networks[i], hosts[i])
	}
}

// meet notes a tuple; the hashes are those of its destination's network, where it was
// answered, and of its source.
func (c *crowds) meet(m *meeting, network, host uint64) {
	t := &m.tuple
	if m.answered {
		source := hashFrom(t.Src, 0)
		v := c.networks.at(netOf(t.Dst), network)
		v.hosts |= bitOf(source)
		v.pairs |= bitOf(hashOn(source, t.Dst))
	}
	peers := c.hosts.find(hostKey{t.Src}, host)
	if peers == nil && !m.answered && !inside(t.Src) {
		return
	}
	odd := oddPort(*t) && !housekeeping(*t)
	if peers == nil {
		peers = c.hosts.add(hostKey{t.Src}, host)
	}
	if odd {
		h := hashFrom(t.Dst, uint64(t.Port)) >> 57
		peers[h>>6] |= 1 << (h & 63)
	}
}
