package argusfeed

import "encoding/binary"

// TCP is the state of a TCP connection as Argus saw it.
type TCP struct {
	// Status are the TCP bits below; they add up over the records of a flow.
	Status uint32
	// SrcFlags and DstFlags are the flags that the two sides sent since the
	// last record: the bits of the TCP header (FIN 1, SYN 2, RST 4, PSH 8, ACK
	// 0x10, URG 0x20, ECE 0x40, CWR 0x80).
	SrcFlags, DstFlags uint8
}

// Bits of TCP.Status.
const (
	TCPSyn         = 0x0001 // SYN seen
	TCPSynAck      = 0x0002 // SYN and ACK seen
	TCPEstablished = 0x0004
	TCPFin         = 0x0008 // FIN seen
	TCPFinAck      = 0x0010 // FIN acknowledged
	TCPClosed      = 0x0020 // closed in good order
	TCPCloseWait   = 0x0040
	TCPSrcReset    = 0x1000
	TCPDstReset    = 0x2000

	TCPReset = TCPSrcReset | TCPDstReset
)

// Flags of the TCP header.
const (
	tcpFIN = 0x01
	tcpSYN = 0x02
	tcpRST = 0x04
)

// Subtypes of the network part.
const (
	netTCPInit   = 3 // the first packet only
	netTCPStatus = 4
	netTCPFull   = 5
	netRTCP      = 9
	netRTP       = 10
	netUDT       = 13
)

// decodeNetwork reads the state of TCP, and what Argus recognised inside UDP.
// The counts must be known.
func (rec *Record) decodeNetwork(d []byte) {
	if len(d) < 8 || rec.key.fragment {
		return
	}
	switch rec.Proto {
	case ProtoTCP:
		rec.decodeTCP(d)
	case ProtoUDP:
		switch d[1] {
		case netRTCP:
			if len(d) == 24 {
				rec.Proto = protoRTCP
			}
		case netRTP:
			if len(d) == 40 && rec.key.family == familyIPv4 && (rec.SrcPackets >= 5 || rec.DstPackets >= 5) {
				rec.Proto = protoRTP
			}
		case netUDT:
			rec.Proto = protoUDT
		}
	}
}

// decodeTCP reads status and flags. The flags of a side that sent nothing are
// left-overs.
func (rec *Record) decodeTCP(d []byte) {
	t := &rec.TCP
	t.Status = binary.BigEndian.Uint32(d[4:])
	switch d[1] {
	case netTCPInit:
		if len(d) > 18 {
			t.SrcFlags = d[18]
		}
		return
	case netTCPStatus:
		if len(d) > 9 {
			t.SrcFlags, t.DstFlags = d[8], d[9]
		}
	case netTCPFull:
		if len(d) > 70 {
			t.SrcFlags = d[70]
		}
		if len(d) > 118 {
			t.DstFlags = d[118]
		}
	}
	if rec.SrcPackets == 0 {
		t.SrcFlags = 0
	}
	if rec.DstPackets == 0 {
		t.DstFlags = 0
	}
}
