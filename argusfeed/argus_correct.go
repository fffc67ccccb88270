package argusfeed

// correct exchanges source and destination where the record itself shows that
// Argus has them wrong. These are the corrections that ra makes, but for the
// guesses by port numbers: of its RA_PORT_DIRECTION, and for RTCP over IPv6,
// where it exchanges the addresses and leaves the ports.
func (rec *Record) correct(network []byte) {
	k := &rec.key
	switch {
	case k.family == familyARP:
		if rec.Reversed { // the addresses are right as they are
			rec.swapCounts()
		}
	case k.fragment:
	case k.family == familyIPv4 && rec.Proto == ProtoTCP:
		if !k.opened && rec.missedSYN(network) {
			rec.swap()
		}
	case k.family == familyIPv4 && rec.Proto == ProtoICMP:
		rec.correctReply(network)
	}
}

// missedSYN tells whether a connection must have been opened by what Argus took
// for its destination: the answer to a SYN was seen, but no SYN.
func (rec *Record) missedSYN(network []byte) bool {
	t := &rec.TCP
	if len(network) < 8 || t.Status&TCPSyn != 0 || t.Status&TCPSynAck == 0 {
		return false
	}
	if network[1] != netTCPStatus && network[1] != netTCPFull {
		return false
	}
	if t.Status&(TCPEstablished|TCPFin|TCPFinAck|TCPClosed) != 0 {
		return true
	}
	if network[1] != netTCPFull || t.SrcFlags&tcpSYN == 0 || t.DstFlags&tcpRST != 0 {
		return false
	}
	if rec.SrcPackets > 5 && rec.DstPackets > 5 {
		return true
	}
	return rec.SrcPackets > 0 && rec.DstPackets == 0 && t.SrcFlags&tcpFIN != 0 && rec.SrcBytes/rec.SrcPackets > 60
}

// correctReply sets right a lone ICMP reply, which Argus keeps under the type of
// its request, with the one that replied as source. ra takes the type from
// memory that is left from another record; here it is the reply's.
func (rec *Record) correctReply(network []byte) {
	k := &rec.key
	if !k.opened || rec.SrcPackets == 0 || rec.DstPackets != 0 {
		return
	}
	const subtypeICMP = 0x34
	switch {
	case len(network) >= 8 && network[1] == subtypeICMP:
		k.icmpType, k.icmpCode = network[4], network[5]
	case k.icmpType == 8:
		k.icmpType = 0
	case k.icmpType == 13, k.icmpType == 15, k.icmpType == 17:
		k.icmpType++
	}
	switch k.icmpType {
	case 0, 14, 16, 18:
		rec.swap()
	}
}

// swap exchanges source and destination.
func (rec *FlowRecord) swap() {
	rec.Reversed = true
	rec.Src, rec.Dst = rec.Dst, rec.Src
	if rec.Proto != ProtoICMP {
		rec.Sport, rec.Port = rec.Port, rec.Sport
	}
	rec.swapCounts()
	rec.TCP.Status = swapStatus(rec.TCP.Status)
}

// swapStatus exchanges the TCP bits that stand for one side.
func swapStatus(s uint32) uint32 {
	const src, dst = 0x5500, 0xaa00 // the source's bits, each below its twin
	return s&^(src|dst) | s&src<<1 | s&dst>>1
}

// swapCounts exchanges what the two sides sent.
func (rec *FlowRecord) swapCounts() {
	rec.SrcPackets, rec.DstPackets = rec.DstPackets, rec.SrcPackets
	rec.SrcBytes, rec.DstBytes = rec.DstBytes, rec.SrcBytes
	rec.STos, rec.DTos = rec.DTos, rec.STos
	rec.HasSTos, rec.HasDTos = rec.HasDTos, rec.HasSTos
	rec.TCP.SrcFlags, rec.TCP.DstFlags = rec.TCP.DstFlags, rec.TCP.SrcFlags
}
