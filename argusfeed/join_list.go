package argusfeed

import "math"

// listID names a list of connections; each is in one of them. Where room is
// needed those of the first list have to go first.
type listID uint8

const (
	inNone    listID = iota
	inOver           // what is over
	inClosing        // what is about to be over
	inBrief          // what ends when it is idle
	inOpen           // open connections
	numLists
)

// connList is a list of connections, that which waits longest in front. What
// leaves it leaves a hole: unlike with links, neighbours need not be touched, and
// it is known which connections come next.
type connList struct {
	ring []connID // a power of two; 0 is a hole
	// head and tail are counted from the beginning; ring has them modulo its
	// length, which divides 1<<32.
	head, tail uint32
	n          int // without holes
	// asked is how far ahead has gone.
	asked uint32
	// quiet is until when the one in front, at head, waits; always where that is
	// not known.
	quiet Time
}

// always is the time that is never waited for.
const always = Time(math.MinInt64)

// listStart is how long a list is at first.
const listStart = 64

func (l *connList) at(place uint32) *connID { return &l.ring[place&uint32(len(l.ring)-1)] }

// skip passes over the holes in front.
func (l *connList) skip() {
	for l.head != l.tail && *l.at(l.head) == 0 {
		l.head++
	}
}

// ahead gives the places up to n behind the front that it has not given before,
// fewer at the end of the ring.
func (l *connList) ahead(n uint32) []connID {
	from := l.asked
	if from-l.head > l.tail-l.head { // has gone by, or been moved
		from = l.head
	}
	to := l.head + min(n, l.tail-l.head)
	if to-l.head <= from-l.head {
		return nil
	}
	at := from & uint32(len(l.ring)-1)
	end := min(at+to-from, uint32(len(l.ring)))
	l.asked = from + end - at
	return l.ring[at:end]
}

// widen makes room for one more. Where half of the list are holes they go.
func (j *joiner) widen(l *connList) {
	l.skip()
	if int(l.tail-l.head) < len(l.ring) {
		return
	}
	if 2*l.n > len(l.ring) || len(l.ring) == 0 {
		old := *l
		l.ring = make([]connID, max(listStart, 2*len(old.ring)))
		for p := old.head; p != old.tail; p++ {
			*l.at(p) = *old.at(p)
		}
		return
	}
	to := l.head
	for p := l.head; p != l.tail; p++ {
		if id := *l.at(p); id != 0 {
			*l.at(p), *l.at(to) = 0, id
			j.pool.conn(id).place = to
			to++
		}
	}
	l.tail = to
}

// hold moves a connection to the end of a list.
func (j *joiner) hold(c *conn, to listID, due Time) {
	c.due = due
	l := &j.lists[to]
	if c.list == to && c.place == l.tail-1 {
		if c.place == l.head {
			l.quiet = always
		}
		return
	}
	j.leave(c)
	if l.n == 0 {
		l.quiet = always
	}
	if int(l.tail-l.head) == len(l.ring) {
		j.widen(l)
	}
	c.list, c.place = to, l.tail
	*l.at(l.tail) = c.id
	l.tail++
	l.n++
}

// leave takes a connection out of its list, if it is in one.
func (j *joiner) leave(c *conn) {
	if c.list == inNone {
		return
	}
	l := &j.lists[c.list]
	*l.at(c.place) = 0
	l.n--
	if c.place == l.head {
		l.quiet = always
	}
	c.list = inNone
}

// front gives the first connection of a list but for keep; nil: there is none.
func (j *joiner) front(of listID, keep *conn) *conn {
	l := &j.lists[of]
	l.skip()
	for p := l.head; p != l.tail; p++ {
		if c := j.pool.conn(*l.at(p)); c != nil && c != keep {
			return c
		}
	}
	return nil
}

// due gives the first connection of a list if its time has come; else nil.
func (j *joiner) due(of listID, past Time) *conn {
	l := &j.lists[of]
	if past < l.quiet {
		return nil
	}
	return j.dueNow(l, past)
}

func (j *joiner) dueNow(l *connList, past Time) *conn {
	l.skip()
	if l.head == l.tail {
		l.quiet = math.MaxInt64
		return nil
	}
	c := j.pool.conn(*l.at(l.head))
	if l.quiet = c.due; past < c.due {
		return nil
	}
	return c
}
