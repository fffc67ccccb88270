package argusfeed

// flowID is the number of a held flow in its pool; 0 is none.
type flowID uint32

// heldFlow is a flow that is not given out yet. It is as large as four lines of a
// processor's cache.
type heldFlow struct {
	FlowRecord
	// hash is that of the tuple.
	hash uint64
	// id is its own number, conn its connection, until it is final.
	id   flowID
	conn connID
	// before and after are its neighbours in the queue of its tuple. The first one
	// knows the last one, tail.
	before, after, tail flowID

	merged    bool // it is more than one record
	announced bool // it was told of
	final     bool // it is over, and waits for those before it
}

// merge adds a later piece, which ends at end.
func (f *heldFlow) merge(rec *FlowRecord, end Time) {
	f.merged = true
	end = max(end, f.Start.Add(f.Dur))
	f.Dur = end.Sub(f.Start) // Start stays: a piece that seems earlier is of a clock that was set
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
