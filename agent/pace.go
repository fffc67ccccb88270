package agent

import "time"

// pace tells many events at once no faster than they are taken: the ends of ten
// thousand blocks that somebody lifts at a time are more than the history and the
// outputs have room for. It belongs to one goroutine.
type pace struct {
	agent *Agent
	until time.Time // then nobody is waited for any more
	n     int
	seen  map[string]crowd
}

// crowd is how much waited somewhere, and since when it has not become less.
type crowd struct {
	waiting int
	since   time.Time
}

const (
	// paceStep is how many events are told before a look at what waits.
	paceStep = 50
	// paceLook lies between two looks.
	paceLook = 2 * time.Millisecond
	// paceStuck is how long something may not move before it is not waited for:
	// a slow disk may take a second for a transaction.
	paceStuck = 2 * time.Second
	// paceAsked is how long events are held back at most that somebody asked for,
	// paceWatch where the kernel must be looked at again meanwhile.
	paceAsked, paceWatch = 15 * time.Second, 3 * time.Second
)

func (a *Agent) pace(most time.Duration) *pace {
	return &pace{agent: a, until: time.Now().Add(most), seen: map[string]crowd{}}
}

// next waits, now and then, until there is room again.
func (p *pace) next() {
	if p.n++; p.n%paceStep != 0 {
		return
	}
	for now := time.Now(); now.Before(p.until) && p.crowded(now); now = time.Now() {
		time.Sleep(paceLook)
	}
}

// crowded tells whether something that still moves is more than half full.
func (p *pace) crowded(now time.Time) bool {
	crowded := false
	look := func(name string, waiting, room int) {
		if waiting <= room/2 {
			delete(p.seen, name)
			return
		}
		since := now
		if was, ok := p.seen[name]; ok && waiting >= was.waiting {
			since = was.since
		}
		p.seen[name] = crowd{waiting, since}
		crowded = crowded || now.Sub(p.seen[name].since) < paceStuck
	}
	if h := p.agent.kept.history; h != nil {
		look("history", h.Status().Waiting, p.agent.cfg.History.Queue)
	}
	for _, q := range p.agent.reports.Queues() {
		look(q.Name, q.Len, q.Cap)
	}
	return crowded
}
