package argusfeed

// heldFlow is a flow that is not given out yet.
type heldFlow struct {
	Record
	merged    bool // it is more than one record
	announced bool // it was told of
	final     bool // it is over, and waits for those before it
	conn      *conn

	queue         *queue
	before, after *heldFlow
}

// merge adds a later piece, which ends at end.
func (f *heldFlow) merge(rec *Record, end Time) {
	f.merged = true
	end = max(end, f.Start.Add(f.Dur))
	f.Start = min(f.Start, rec.Start)
	f.Dur = end.Sub(f.Start)
	f.SrcPackets = addSaturated(f.SrcPackets, rec.SrcPackets)
	f.DstPackets = addSaturated(f.DstPackets, rec.DstPackets)
	f.SrcBytes = addSaturated(f.SrcBytes, rec.SrcBytes)
	f.DstBytes = addSaturated(f.DstBytes, rec.DstBytes)
	f.Packets = addSaturated(f.Packets, rec.Packets)
	f.Bytes = addSaturated(f.Bytes, rec.Bytes)
	f.TCP.Status |= rec.TCP.Status
	f.TCP.SrcFlags |= rec.TCP.SrcFlags
	f.TCP.DstFlags |= rec.TCP.DstFlags
	if !f.HasSTos {
		f.STos, f.HasSTos = rec.STos, rec.HasSTos
	}
	if !f.HasDTos {
		f.DTos, f.HasDTos = rec.DTos, rec.HasDTos
	}
	f.key.icmpType, f.key.icmpCode = rec.key.icmpType, rec.key.icmpCode
}

// queue holds the flows of a tuple that are not given out, the earliest start
// first.
type queue struct {
	tuple      Tuple
	head, tail *heldFlow
}

// mustWait tells whether a flow that is over has one before it.
func (j *joiner) mustWait(f *Flow) bool {
	if len(j.queues) == 0 {
		return false
	}
	q := j.queues[f.Tuple]
	return q != nil && q.head.Start <= f.Start
}

// enqueue puts a flow into its place. The newest one nearly always goes last.
func (j *joiner) enqueue(f *heldFlow) {
	q := j.queues[f.Tuple]
	if q == nil {
		q = j.pool.newQueue(f.Tuple)
		j.queues[f.Tuple] = q
	}
	f.queue = q
	at := q.tail
	for at != nil && at.Start > f.Start {
		at = at.before
	}
	f.before = at
	if at == nil {
		f.after, q.head = q.head, f
	} else {
		f.after, at.after = at.after, f
	}
	if f.after == nil {
		q.tail = f
	} else {
		f.after.before = f
	}
}

// release ends a flow: it is given out as soon as none is before it, and those
// that have waited for it with it.
func (j *joiner) release(f *heldFlow) {
	f.final, f.conn = true, nil
	q := f.queue
	j.pool.waiting++
	for q.head != nil && q.head.final {
		f := q.head
		q.head = f.after
		if q.head == nil {
			q.tail = nil
		} else {
			q.head.before = nil
		}
		j.pool.waiting--
		part := PartWhole
		if f.announced {
			part = PartClosed
		}
		if f.merged {
			f.Dir, f.State = f.direction(), f.state(j.pool.tcp)
		}
		j.pool.give(&f.Flow, part, j.now)
		j.pool.freeFlow(f)
	}
	if q.head == nil {
		delete(j.queues, q.tuple)
		j.pool.freeQueue(q)
		return
	}
	// Those that are over must not take all the room while they wait.
	if j.pool.waiting > j.pool.MaxFlows/2 {
		j.pool.stats.Forced++
		j.rest(q.head.conn, q.head.conn.base)
	}
}
