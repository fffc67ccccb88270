package argusfeed

// joinPool is what the joiners behind one decoder share: the flows that are
// ready, the count of what is held, and memory to use again.
type joinPool struct {
	Joining
	tcp   *flagStates
	stats JoinStats
	// arrived is when what is read now came, by the clock of this machine; 0 where
	// it is not live.
	arrived Time
	// waiting flows are over and not given out.
	waiting int

	// ready[first:] are the flows to give out. Where there are none the next goes
	// to where it is waited for, at once.
	ready  []Flow
	first  int
	waiter *Flow

	seed  *Seed
	conns numbered[conn]
	flows numbered[heldFlow]

	touched uint64 // see expect
}

func newJoinPool(opt Joining) *joinPool {
	if opt.MaxFlows <= 0 {
		opt.MaxFlows = DefaultMaxFlows
	}
	return &joinPool{Joining: opt, tcp: tcpStates(), seed: NewSeed()}
}

// give puts a flow among those that are ready.
func (p *joinPool) give(f *Flow, part Part, told Time) {
	if to := p.waiter; to != nil {
		p.waiter = nil
		*to = *f
		to.Part, to.Told = part, told
		return
	}
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

// conn gives the connection with that number; nil for 0.
func (p *joinPool) conn(id connID) *conn { return p.conns.at(uint32(id)) }

func (p *joinPool) newConn() *conn {
	id := connID(p.conns.take())
	p.stats.Held++
	c := p.conn(id)
	*c = conn{id: id}
	return c
}

func (p *joinPool) freeConn(c *conn) {
	p.conns.put(uint32(c.id))
	p.stats.Held--
}

// flow gives the held flow with that number; nil for 0.
func (p *joinPool) flow(id flowID) *heldFlow { return p.flows.at(uint32(id)) }

func (p *joinPool) newFlow(rec *FlowRecord) *heldFlow {
	id := flowID(p.flows.take())
	p.stats.Held++
	f := p.flow(id)
	f.FlowRecord, f.id = *rec, id
	f.before, f.after, f.tail = 0, 0, 0
	f.merged, f.final = false, false
	return f
}

func (p *joinPool) freeFlow(f *heldFlow) {
	p.flows.put(uint32(f.id))
	p.stats.Held--
}
