package argusfeed

// joinPool is what the joiners behind one decoder share: the flows that are
// ready, the count of what is held, and memory to use again.
type joinPool struct {
	Joining
	tcp   *flagStates
	stats JoinStats
	// waiting flows are over and not given out.
	waiting int

	// ready[first:] are the flows to give out.
	ready []Flow
	first int

	conns  *conn     // linked by next
	flows  *heldFlow // linked by after
	queues []*queue
}

func newJoinPool(opt Joining) *joinPool {
	if opt.MaxFlows <= 0 {
		opt.MaxFlows = DefaultMaxFlows
	}
	return &joinPool{Joining: opt, tcp: tcpStates()}
}

// give puts a flow among those that are ready.
func (p *joinPool) give(f *Flow, part Part, told Time) {
	p.ready = append(p.ready, *f)
	last := &p.ready[len(p.ready)-1]
	last.Part, last.Told = part, told
}

// take gives the next flow that is ready.
func (p *joinPool) take(f *Flow) bool {
	if p.first == len(p.ready) {
		return false
	}
	*f = p.ready[p.first]
	p.first++
	if p.first == len(p.ready) {
		p.ready, p.first = p.ready[:0], 0
		if cap(p.ready) > maxReady {
			p.ready = nil // many were given out at once, which is rare
		}
	}
	return true
}

// maxReady is the longest queue of ready flows that is kept for the next.
const maxReady = 1 << 12

func (p *joinPool) empty() bool { return p.first == len(p.ready) }

// poolChunk is how many of a kind are allocated at a time.
const poolChunk = 256

func (p *joinPool) newConn() *conn {
	if p.conns == nil {
		chunk := make([]conn, poolChunk)
		for i := range chunk[1:] {
			chunk[i].next = &chunk[i+1]
		}
		p.conns = &chunk[0]
	}
	c := p.conns
	p.conns, c.next = c.next, nil
	p.stats.Held++
	return c
}

func (p *joinPool) freeConn(c *conn) {
	*c = conn{next: p.conns}
	p.conns = c
	p.stats.Held--
}

func (p *joinPool) newFlow(rec *Record) *heldFlow {
	if p.flows == nil {
		chunk := make([]heldFlow, poolChunk)
		for i := range chunk[1:] {
			chunk[i].after = &chunk[i+1]
		}
		p.flows = &chunk[0]
	}
	f := p.flows
	p.flows = f.after
	*f = heldFlow{Record: *rec}
	p.stats.Held++
	return f
}

func (p *joinPool) freeFlow(f *heldFlow) {
	f.after, f.before, f.queue, f.conn = p.flows, nil, nil, nil
	p.flows = f
	p.stats.Held--
}

func (p *joinPool) newQueue(t Tuple) *queue {
	n := len(p.queues)
	if n == 0 {
		return &queue{tuple: t}
	}
	q := p.queues[n-1]
	p.queues = p.queues[:n-1]
	*q = queue{tuple: t}
	return q
}

func (p *joinPool) freeQueue(q *queue) { p.queues = append(p.queues, q) }
