package argusfeed

import "encoding/binary"

// flowKey is what a flow's key tells beyond the tuple.
type flowKey struct {
	family   keyFamily
	fragment bool // later IP fragments: no ports, no type, no TCP state
	opened   bool // Argus knows who began the flow, or of ICMP: that it is a reply
	// icmpType and icmpCode are those of the packet, or of the error that
	// answered the flow.
	icmpType, icmpCode uint8
	// more tells flows apart that have the same tuple: of ICMP the number of an
	// echo, of fragments the IP id, of ICMPv6 the id.
	more uint16
}

// keyFamily is the address family of a key, with Argus's numbers.
type keyFamily uint8

const (
	familyIPv4  keyFamily = 1
	familyIPv6  keyFamily = 2
	familyEther keyFamily = 3
	familyARP   keyFamily = 4
	familyRARP  keyFamily = 5
	familyWLAN  keyFamily = 8
)

// Kinds of keys, the low six bits of the subtype.
const (
	keyFiveTuple = 1
	keyLayer2    = 2
	keyLayer3    = 3
	keyARP       = 6
)

// Bits of the subtype and of the qualifier of a key.
const (
	keyReversed  = 0x40 // stored with source and destination exchanged
	keyDirection = 0x20
	keyFragment  = 0x80
)

// Names that ra has for what is no IP protocol of its own.
var (
	protoARP  = namedProto("arp")
	protoRARP = namedProto("rarp")
	protoWLAN = namedProto("wlan")
	protoRTP  = namedProto("rtp")
	protoRTCP = namedProto("rtcp")
	protoUDT  = namedProto("udt")
)

// namedProto is for names that are fixed when the program starts; the table of
// names has room then.
func namedProto(name string) Proto {
	id, err := names.id([]byte(name))
	if err != nil {
		return protoName
	}
	return protoName | Proto(id)
}

const protoESP = 50

// decodeKey reads addresses, ports and protocol. It returns false where the key
// is of a family that is not known or is too short for its family.
func (rec *Record) decodeKey(d []byte) bool {
	if len(d) < 12 {
		return false
	}
	kind, reversed := d[1]&0x3f, d[1]&keyReversed != 0
	k := &rec.key
	k.family = keyFamily(d[2] & 0x1f)
	switch kind {
	case keyARP:
		if k.family == familyRARP {
			return rec.keyRARP(d, 12)
		}
		k.family = familyARP
		return rec.keyARP(d, 12, reversed)
	case keyFiveTuple, keyLayer2, keyLayer3:
	default:
		return false
	}
	k.fragment = d[2]&keyFragment != 0
	k.opened = d[2]&keyDirection != 0
	switch k.family {
	case familyIPv4:
		return rec.keyIPv4(d, kind, reversed)
	case familyIPv6:
		return rec.keyIPv6(d, kind, reversed)
	case familyEther:
		return rec.keyEther(d)
	case familyWLAN:
		return rec.keyWLAN(d)
	case familyARP:
		return rec.keyARP(d, 4, reversed)
	case familyRARP:
		return rec.keyRARP(d, 4)
	}
	return false
}

// ends gives where the first and the second address of a key belong.
func (rec *Record) ends(reversed bool) (first, second *Addr) {
	if reversed {
		return &rec.Dst, &rec.Src
	}
	return &rec.Src, &rec.Dst
}

// set4 sets an empty address in place, which is several times as fast as with a
// copy of it.
func (a *Addr) set4(b []byte) {
	copy(a.b[:4], b)
	a.kind = addrIPv4
}

// keyIPv4 reads source, destination, protocol (12), ports (14, 16).
func (rec *Record) keyIPv4(d []byte, kind uint8, reversed bool) bool {
	src, dst := rec.ends(reversed)
	src.set4(d[4:8])
	dst.set4(d[8:12])
	if kind != keyFiveTuple {
		return true
	}
	if len(d) < 20 {
		return false
	}
	rec.Proto = Proto(d[12])
	if rec.key.fragment {
		rec.key.more = binary.BigEndian.Uint16(d[18:])
	}
	switch rec.Proto {
	case ProtoTCP, ProtoUDP:
		if rec.key.fragment {
			rec.Sport, rec.Port = PortNumber(0), PortNumber(0)
			break
		}
		rec.setPorts(d[14:], reversed)
	case ProtoICMP:
		if rec.key.fragment {
			break
		}
		rec.key.icmpType, rec.key.icmpCode = d[14], d[15]
		rec.key.more = binary.BigEndian.Uint16(d[18:])
		rec.Port = PortHex(binary.BigEndian.Uint16(d[16:]))
	case protoESP:
		if !rec.key.fragment {
			rec.Port = PortSPI(binary.BigEndian.Uint32(d[16:]))
		}
	}
	return true
}

// keyIPv6 reads source (4), destination (20), protocol (36) and ports (40).
func (rec *Record) keyIPv6(d []byte, kind uint8, reversed bool) bool {
	if len(d) < 36 {
		return false
	}
	src, dst := rec.ends(reversed)
	src.b, src.kind = [16]byte(d[4:]), addrIPv6
	dst.b, dst.kind = [16]byte(d[20:]), addrIPv6
	if kind != keyFiveTuple {
		return true
	}
	if len(d) < 44 {
		return false
	}
	rec.Proto = Proto(d[36])
	switch rec.Proto {
	case ProtoTCP, ProtoUDP: // of a fragment this is its id, and ra prints that
		rec.setPorts(d[40:], reversed)
	case ProtoICMPv6:
		if !rec.key.fragment {
			rec.key.icmpType, rec.key.icmpCode = d[40], d[41]
			rec.key.more = binary.BigEndian.Uint16(d[42:])
			rec.Sport, rec.Port = PortNumber(uint16(d[40])), PortNumber(uint16(d[41]))
		}
	}
	return true
}

func (rec *Record) setPorts(b []byte, reversed bool) {
	rec.Sport = PortNumber(binary.BigEndian.Uint16(b))
	rec.Port = PortNumber(binary.BigEndian.Uint16(b[2:]))
	if reversed {
		rec.Sport, rec.Port = rec.Port, rec.Sport
	}
}

// keyEther reads destination (4), source (10), Ethertype (16) and the service
// access points of IEEE 802.2 (18, 19), destination first. As in ra, the bit for
// reversed keys is not looked at, so that both feeds have the same tuples.
func (rec *Record) keyEther(d []byte) bool {
	if len(d) < 20 {
		return false
	}
	rec.Dst, rec.Src = AddrFromMAC([6]byte(d[4:])), AddrFromMAC([6]byte(d[10:]))
	rec.Proto = etherProto(binary.BigEndian.Uint16(d[16:]))
	rec.Port, rec.Sport = PortNumber(uint16(d[18])), PortNumber(uint16(d[19]))
	return true
}

// keyWLAN reads destination (4) and source (10) of a wireless frame.
func (rec *Record) keyWLAN(d []byte) bool {
	if len(d) < 16 {
		return false
	}
	rec.Dst, rec.Src = AddrFromMAC([6]byte(d[4:])), AddrFromMAC([6]byte(d[10:]))
	rec.Proto = protoWLAN
	return true
}

// keyARP reads who asks and who is asked for. A reversed ARP has the sides of
// its counts exchanged, not its addresses.
func (rec *Record) keyARP(d []byte, at int, reversed bool) bool {
	if len(d) < at+8 {
		return false
	}
	rec.Src.set4(d[at : at+4])
	rec.Dst.set4(d[at+4 : at+8])
	rec.Proto = protoARP
	rec.Reversed = reversed
	return true
}

// keyRARP reads, behind an IP address, the Ethernet address that is asked for
// and then the one that asks.
func (rec *Record) keyRARP(d []byte, at int) bool {
	if len(d) < at+16 {
		return false
	}
	rec.Dst, rec.Src = AddrFromMAC([6]byte(d[at+4:])), AddrFromMAC([6]byte(d[at+10:]))
	rec.Proto = protoRARP
	return true
}
