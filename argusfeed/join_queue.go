package argusfeed

// The flows of a tuple that are not given out are a queue, the earliest start
// first. Nearly always it is one flow, so that there is no more to a queue than
// the flows themselves.

// first gives the first flow of a tuple; nil: it holds none.
func (j *joiner) first(t *Tuple, hash uint64) *heldFlow {
	found := j.queues.Find(hash)
	for n := found.Next(); n != 0; n = found.Next() {
		if f := j.pool.flow(flowID(n)); f.Tuple == *t {
			return f
		}
	}
	return nil
}

// mustWait tells whether a flow that is over has one before it.
func (j *joiner) mustWait(f *Flow, hash uint64) bool {
	first := j.first(&f.Tuple, hash)
	return first != nil && first.Start <= f.Start
}

// enqueue puts a flow into its place. The newest one nearly always goes last.
func (j *joiner) enqueue(f *heldFlow) {
	head := j.first(&f.Tuple, f.hash)
	if head == nil {
		f.tail = f.id
		j.queues.Insert(f.hash, uint32(f.id))
		return
	}
	at := j.pool.flow(head.tail)
	for at != nil && at.Start > f.Start {
		at = j.pool.flow(at.before)
	}
	if at == nil {
		f.after, f.tail, head.before = head.id, head.tail, f.id
		j.queues.Replace(f.hash, uint32(head.id), uint32(f.id))
		return
	}
	f.before, f.after = at.id, at.after
	at.after = f.id
	if next := j.pool.flow(f.after); next != nil {
		next.before = f.id
	} else {
		head.tail = f.id
	}
}

// release ends a flow: it is given out as soon as none is before it, and those
// that have waited for it with it.
func (j *joiner) release(f *heldFlow) {
	f.final, f.conn = true, 0
	j.pool.waiting++
	head := f
	if f.before == 0 {
		if head = j.giveFinal(f); head == nil {
			return
		}
	}
	// Those that are over must not take all the room while they wait.
	if j.pool.waiting > j.pool.MaxFlows/2 {
		if head == f {
			head = j.first(&f.Tuple, f.hash)
		}
		j.pool.stats.Forced++
		c := j.pool.conn(head.conn)
		j.rest(c, c.base)
	}
}

// giveFinal gives out the flows of a tuple from its first one, f, on to one that
// is not over, which is the first one then; nil: all were over.
func (j *joiner) giveFinal(f *heldFlow) *heldFlow {
	hash, first, tail := f.hash, f.id, f.tail
	for f != nil && f.final {
		j.pool.waiting--
		part := PartWhole
		if f.announced {
			part = PartClosed
		}
		if f.merged {
			f.Dir, f.State = f.direction(), f.state(j.pool.tcp)
		}
		j.pool.give(&f.Flow, part, j.now)
		next := j.pool.flow(f.after)
		j.pool.freeFlow(f)
		f = next
	}
	if f == nil {
		j.queues.Remove(hash, uint32(first))
		return nil
	}
	f.before, f.tail = 0, tail
	j.queues.Replace(hash, uint32(first), uint32(f.id))
	return f
}
