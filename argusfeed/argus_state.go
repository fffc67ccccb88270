package argusfeed

import "sync"

// direction gives ra's direction column.
func (rec *FlowRecord) direction() Dir {
	switch rec.Proto {
	case protoARP, protoRARP:
		return DirWho
	case ProtoTCP:
		if !rec.isIP() {
			break
		}
		if rec.TCP.Status&(TCPSyn|TCPSynAck) != 0 {
			return DirTo
		}
		return [4]Dir{DirNoneUnsure, DirToUnsure, DirFromUnsure, DirBothUnsure}[rec.senders()]
	}
	return [4]Dir{DirUnknown, DirTo, DirFrom, DirBoth}[rec.senders()]
}

// senders tells who sent packets: bit 0 the source, bit 1 the destination.
func (rec *FlowRecord) senders() (s uint8) {
	if rec.SrcPackets > 0 {
		s = 1
	}
	if rec.DstPackets > 0 {
		s |= 2
	}
	return s
}

const (
	onlySource      = 1
	onlyDestination = 2
	bothSides       = 3
)

// isIP tells whether the protocol is one of IP, not an Ethertype with a name
// that IP has too.
func (rec *FlowRecord) isIP() bool {
	return rec.key.family == familyIPv4 || rec.key.family == familyIPv6
}

// state gives the state column of ra -Z b.
func (rec *FlowRecord) state(tcp *flagStates) string {
	k := &rec.key
	switch {
	case rec.Cause == CauseError:
		return "ERR"
	case !rec.isIP():
	case rec.Proto == ProtoTCP:
		src, dst := rec.TCP.SrcFlags, rec.TCP.DstFlags
		// The first packet of a connection is kept as the source's, whoever sent it.
		if src != 0 && rec.SrcPackets == 0 || dst != 0 && rec.DstPackets == 0 {
			src, dst = dst, src
		}
		return tcp.state(src, dst)
	case k.fragment:
	case rec.Proto == ProtoICMP && k.family == familyIPv4:
		return icmpState(k.icmpType, k.icmpCode)
	case rec.Proto == ProtoICMPv6 && k.family == familyIPv6:
		return icmp6State(k.icmpType, k.icmpCode)
	}
	return rec.plainState()
}

// PlainState gives the state column of ra without -Z: State, but for TCP one
// word instead of the flags.
func (rec *Record) PlainState() string { return rec.plainTCP(false) }

// plainTCP gives the plain state; closed adds the bit for closed to that of TCP.
func (rec *Record) plainTCP(closed bool) string {
	if rec.Kind != KindFlow || rec.Cause == CauseError || rec.Proto != ProtoTCP || !rec.isIP() {
		return rec.State
	}
	const timedOut = 4 // bit of the cause
	status := rec.TCP.Status
	switch {
	case status == 0 && rec.senders() == bothSides:
		return "CON"
	case status == 0:
		return "INT"
	case status&TCPReset != 0:
		return "RST"
	case status&(TCPFin|TCPFinAck) != 0:
		return "FIN"
	case status&TCPClosed != 0 || closed:
		return "CLO"
	case rec.Cause&timedOut != 0:
		return "TIM"
	case status&TCPEstablished != 0:
		return "CON"
	case status&TCPSynAck != 0:
		return "ACC"
	case status&TCPSyn != 0:
		return "REQ"
	}
	return "CON"
}

// plainState gives the state of what has no states of its own.
func (rec *FlowRecord) plainState() string {
	const first = 1 // bit of the cause: the first report of the flow, among others
	switch {
	case rec.senders() == bothSides:
		return "CON"
	case rec.senders() != onlySource:
		return "RSP"
	case rec.Cause&first != 0, rec.Proto == protoARP, rec.Proto == protoRARP:
		return "INT"
	}
	return "REQ"
}

// flagStates holds the state of every pair of TCP flags in one string, so that
// none is made for a record and the garbage collector has nothing to follow.
type flagStates struct {
	text string
	at   [1<<16 + 1]uint32
}

// state gives the letters of the source's flags, an underscore, and those of
// the destination's.
func (t *flagStates) state(src, dst uint8) string {
	i := int(src)<<8 | int(dst)
	return t.text[t.at[i]:t.at[i+1]]
}

var tcpStates = sync.OnceValue(func() *flagStates {
	const letters = "FSRPAUEC" // from the lowest bit
	var flags [256]string
	for i := range flags {
		for bit, c := range letters {
			if i>>bit&1 != 0 {
				flags[i] += string(c)
			}
		}
	}
	t := new(flagStates)
	text := make([]byte, 0, 1<<16*9)
	for i := range 1 << 16 {
		t.at[i] = uint32(len(text))
		text = append(text, flags[i>>8]...)
		text = append(text, '_')
		text = append(text, flags[i&0xff]...)
	}
	t.at[1<<16] = uint32(len(text))
	t.text = string(text)
	return t
})
