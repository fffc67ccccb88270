package argusfeed

// flowNames is under what a joiner looks for what it holds of a record's flow.
type flowNames struct {
	conn     connKey
	connHash uint64
	// queueHash is the hash of the tuple.
	queueHash uint64
	// swapped tells that the source is the second end of conn.
	swapped bool
}

func (n *flowNames) of(rec *FlowRecord, seed *Seed) {
	n.conn = connKey{}
	n.swapped = n.conn.of(rec)
	n.connHash = n.conn.hash(seed)
	n.queueHash = rec.Hash(seed)
}

// arrival is a record before its turn comes.
type arrival struct {
	Record
	names flowNames // of a flow
}

// expect names the flows of the records that come next, and looks up what will
// be needed for them. Nothing is changed: what it reads is cold memory, which a
// processor fetches for many records in the time that it takes for one.
func (s *joinSet) expect(batch []arrival) {
	for i := range batch {
		if a := &batch[i]; a.Kind == KindFlow {
			a.names.of(&a.FlowRecord, s.pool.seed)
		}
	}
	if j := s.newest; j != nil && len(batch) > 1 {
		j.pool.touched += j.fetchArrivals(batch) + j.fetchEnding(uint32(len(batch)))
	}
}

// fetchArrivals reads what is held of the connections and tuples of records,
// step by step, so that no read waits for the one before it.
func (j *joiner) fetchArrivals(batch []arrival) (touched uint64) {
	var conns [batchLen]connID
	for i := range batch {
		a := &batch[i]
		if a.Kind == KindFlow && a.Probe == j.probe {
			conns[i] = connID(j.conns.Home(a.names.connHash))
			touched += uint64(j.queues.home(a.names.queueHash).number)
		}
	}
	var flows [batchLen]flowID
	for i, id := range conns {
		if c := j.pool.conn(id); c != nil {
			flows[i] = c.flow
			touched += uint64(c.key.proto)
		}
	}
	for _, id := range flows {
		touched += j.fetchFlow(id)
	}
	return touched
}

// fetchEnding reads what waits in front of the lists, of which some will end with
// each of the next n records.
func (j *joiner) fetchEnding(n uint32) (touched uint64) {
	var flows [3 * 2 * batchLen]flowID
	have := 0
	for of := inOver; of <= inBrief; of++ {
		for _, id := range j.lists[of].ahead(2 * n) {
			c := j.pool.conn(id)
			if c == nil {
				continue
			}
			if of != inClosing { // from there it goes to inOver
				touched += uint64(j.conns.home(c.hash).number)
			}
			flows[have] = c.flow
			have++
		}
	}
	for _, id := range flows[:have] {
		touched += j.fetchFlow(id)
	}
	for _, id := range flows[:have] {
		if f := j.pool.flow(id); f != nil {
			touched += uint64(j.queues.home(f.hash).number)
		}
	}
	return touched
}

// fetchFlow reads each of the lines of a held flow.
func (j *joiner) fetchFlow(id flowID) uint64 {
	f := j.pool.flow(id)
	if f == nil {
		return 0
	}
	return uint64(f.Proto) + f.Packets + f.Line + f.hash
}
