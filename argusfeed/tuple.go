package argusfeed

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"unsafe"
)

// Addr is one end of a flow: an IPv4 or IPv6 address, an Ethernet address, or
// a name where the feed gives one (ra without -n, or a protocol of its own).
// It is comparable and holds no pointers.
type Addr struct {
	b    [16]byte
	kind addrKind
}

type addrKind uint8

const (
	addrNone addrKind = iota
	addrIPv4
	addrIPv6
	addrMAC
	addrName
)

// AddrFrom converts an IP address. Zones are dropped: Argus has none.
func AddrFrom(ip netip.Addr) Addr {
	switch {
	case ip.Is4():
		return AddrFrom4(ip.As4())
	case ip.Is6():
		return Addr{b: ip.As16(), kind: addrIPv6}
	}
	return Addr{}
}

// AddrFrom4 gives the address of four bytes in network order.
func AddrFrom4(b [4]byte) Addr {
	a := Addr{kind: addrIPv4}
	copy(a.b[:], b[:])
	return a
}

// AddrFrom16 gives the address of sixteen bytes in network order.
func AddrFrom16(b [16]byte) Addr { return Addr{b: b, kind: addrIPv6} }

// AddrFromMAC gives an Ethernet address.
func AddrFromMAC(b [6]byte) Addr {
	a := Addr{kind: addrMAC}
	copy(a.b[:], b[:])
	return a
}

// ParseAddr reads an address as ra prints it. What is no address becomes a
// name; the error is ErrTooManyNames or ErrLongName. s is not kept.
func ParseAddr(s []byte) (Addr, error) {
	if len(s) == 0 {
		return Addr{}, nil
	}
	if a, ok := plainAddr(s); ok {
		return a, nil
	}
	id, err := names.id(s)
	if err != nil {
		return Addr{}, err
	}
	return addrFromName(id), nil
}

// plainAddr reads what is an address and no name.
func plainAddr(s []byte) (Addr, bool) {
	if a, ok := parseIPv4(s); ok {
		return a, true
	}
	if a, ok := parseMAC(s); ok {
		return a, true
	}
	if ip, ok := parseIPv6(s); ok {
		return AddrFrom(ip), true
	}
	return Addr{}, false
}

func addrFromName(id uint32) Addr {
	a := Addr{kind: addrName}
	binary.BigEndian.PutUint32(a.b[:], id)
	return a
}

// parseIPv4 reads the dotted form in full and only that: no leading zeros.
func parseIPv4(s []byte) (Addr, bool) {
	a := Addr{kind: addrIPv4}
	if len(s) < 7 || len(s) > 15 {
		return Addr{}, false
	}
	field, digits, value := 0, 0, 0
	for i := 0; ; i++ {
		if i == len(s) || s[i] == '.' {
			if digits == 0 || field == 4 {
				return Addr{}, false
			}
			a.b[field] = byte(value)
			field, digits, value = field+1, 0, 0
			if i == len(s) {
				return a, field == 4
			}
			continue
		}
		c := s[i] - '0'
		if c > 9 || digits > 0 && value == 0 {
			return Addr{}, false
		}
		value = value*10 + int(c)
		digits++
		if value > 255 {
			return Addr{}, false
		}
	}
}

// parseIPv6 spares the copy of s that a conversion to string would make for
// each flow. Nothing of s is kept: a zone is refused, an error is dropped.
func parseIPv6(s []byte) (netip.Addr, bool) {
	if bytes.IndexByte(s, ':') < 0 || bytes.IndexByte(s, '%') >= 0 {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(unsafe.String(&s[0], len(s)))
	return ip, err == nil && ip.Is6()
}

// parseMAC reads six pairs of lower-case hexadecimal digits, as ra prints them.
func parseMAC(s []byte) (Addr, bool) {
	if len(s) != 17 {
		return Addr{}, false
	}
	a := Addr{kind: addrMAC}
	for i := range 6 {
		hi, lo := hexDigit(s[i*3]), hexDigit(s[i*3+1])
		if hi < 0 || lo < 0 || i < 5 && s[i*3+2] != ':' {
			return Addr{}, false
		}
		a.b[i] = byte(hi<<4 | lo)
	}
	return a, true
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// IP gives the IP address; ok is false where a is none.
func (a Addr) IP() (ip netip.Addr, ok bool) {
	switch a.kind {
	case addrIPv4:
		return netip.AddrFrom4([4]byte(a.b[:4])), true
	case addrIPv6:
		return netip.AddrFrom16(a.b), true
	}
	return netip.Addr{}, false
}

// Words gives the sixteen bytes of an IP address, those of IPv4 behind ::ffff; ok is
// false where a is none.
func (a Addr) Words() (hi, lo uint64, ok bool) {
	switch a.kind {
	case addrIPv4:
		return 0, 0xffff<<32 | uint64(binary.BigEndian.Uint32(a.b[:4])), true
	case addrIPv6:
		return binary.BigEndian.Uint64(a.b[:8]), binary.BigEndian.Uint64(a.b[8:]), true
	}
	return 0, 0, false
}

// IsValid tells whether a holds anything at all.
func (a Addr) IsValid() bool { return a.kind != addrNone }

// String writes the address as ra prints it.
func (a Addr) String() string { return string(a.AppendTo(nil)) }

// AppendTo appends what String returns to b.
func (a Addr) AppendTo(b []byte) []byte {
	switch a.kind {
	case addrIPv4:
		return appendOctets(b, [4]byte(a.b[:4]))
	case addrIPv6:
		return netip.AddrFrom16(a.b).AppendTo(b)
	case addrMAC:
		for i := range 6 {
			if i > 0 {
				b = append(b, ':')
			}
			b = hex.AppendEncode(b, a.b[i:i+1])
		}
		return b
	case addrName:
		return append(b, names.name(binary.BigEndian.Uint32(a.b[:]))...)
	}
	return b
}

// Port is a port as the feed shows it: none, a number, the hexadecimal
// "port" of ICMP, the security parameter index of ESP, or a service name. The
// zero value is none.
type Port uint64

const (
	portNumber Port = (iota + 1) << 32
	portHex
	portSPI
	portName
	portKind Port = 0xff << 32
)

// PortNumber gives a port with a number.
func PortNumber(n uint16) Port { return portNumber | Port(n) }

// PortHex gives an ICMP "port", written 0x%04x.
func PortHex(n uint16) Port { return portHex | Port(n) }

// PortSPI gives the "destination port" of ESP, written 0x%x.
func PortSPI(n uint32) Port {
	if n >= 0x1000 && n <= 0xffff {
		return PortHex(uint16(n)) // the same text must be the same port
	}
	return portSPI | Port(n)
}

// ParsePort reads a port as ra prints it; what is neither a decimal number nor
// a hexadecimal one after 0x becomes a name. s is not kept.
func ParsePort(s []byte) (Port, error) {
	if p, ok := plainPort(s); ok {
		return p, nil
	}
	id, err := names.id(s)
	return portName | Port(id), err
}

// plainPort reads what is no port or a number, and no name.
func plainPort(s []byte) (p Port, ok bool) {
	if len(s) == 0 {
		return 0, true
	}
	if len(s) <= 5 && (s[0] != '0' || len(s) == 1) {
		n, ok := 0, true
		for _, c := range s {
			if c < '0' || c > '9' {
				ok = false
				break
			}
			n = n*10 + int(c-'0')
		}
		if ok && n <= 0xffff {
			return PortNumber(uint16(n)), true
		}
	}
	if n, ok := parseHex(s); ok {
		if len(s) == 6 {
			return PortHex(uint16(n)), true
		}
		if s[2] != '0' || len(s) == 3 {
			return PortSPI(n), true
		}
	}
	return 0, false
}

// parseHex reads 0x and up to eight lower-case hexadecimal digits.
func parseHex(s []byte) (n uint32, ok bool) {
	if len(s) < 3 || len(s) > 10 || s[0] != '0' || s[1] != 'x' {
		return 0, false
	}
	for _, c := range s[2:] {
		d := hexDigit(c)
		if d < 0 {
			return 0, false
		}
		n = n<<4 | uint32(d)
	}
	return n, true
}

// Number gives the number of a TCP, UDP or SCTP port; ok is false where the
// port is none, an ICMP "port" or a name.
func (p Port) Number() (n uint16, ok bool) { return uint16(p), p&portKind == portNumber }

// String writes the port as ra prints it.
func (p Port) String() string { return string(p.AppendTo(nil)) }

// AppendTo appends what String returns to b.
func (p Port) AppendTo(b []byte) []byte {
	switch p & portKind {
	case portNumber:
		return appendNumber(b, uint64(uint16(p)))
	case portHex:
		const digits = "0123456789abcdef"
		return append(b, '0', 'x', digits[p>>12&15], digits[p>>8&15], digits[p>>4&15], digits[p&15])
	case portSPI:
		return strconv.AppendUint(append(b, '0', 'x'), uint64(uint32(p)), 16)
	case portName:
		return append(b, names.name(uint32(p&^portKind))...)
	}
	return b
}

// Proto is a protocol as Argus names it. Values up to 255 are IP protocol
// numbers with ra's own names; the rest are Ethertypes and Argus's other names.
type Proto uint32

// Protocols that the program knows by number.
const (
	ProtoICMP   Proto = 1
	ProtoTCP    Proto = 6
	ProtoUDP    Proto = 17
	ProtoICMPv6 Proto = 58
	ProtoSCTP   Proto = 132
)

const (
	// protoName marks a Proto whose low bits are the id of a name.
	protoName Proto = 1 << 24
	// protoEther marks a Proto that is an Ethertype without a name of its own.
	protoEther Proto = 2 << 24
	protoKind  Proto = 0xff << 24
)

// ParseProto reads a protocol as ra prints it, letter case kept; a number is an
// Ethertype. s is not kept.
func ParseProto(s []byte) (Proto, error) {
	if p, ok := plainProto(s); ok {
		return p, nil
	}
	id, err := names.id(s)
	return protoName | Proto(id), err
}

// plainProto reads what has a number of its own.
func plainProto(s []byte) (Proto, bool) {
	switch string(s) { // the compiler makes no string for this
	case "tcp":
		return ProtoTCP, true
	case "udp":
		return ProtoUDP, true
	case "icmp":
		return ProtoICMP, true
	case "ipv6-icmp":
		return ProtoICMPv6, true
	}
	if n, ok := ipProtoNumbers[string(s)]; ok {
		return Proto(n), true
	}
	if len(s) > 0 && s[0] >= '1' && s[0] <= '9' {
		if n, err := strconv.ParseUint(string(s), 10, 16); err == nil {
			return protoEther | Proto(n), true
		}
	}
	return 0, false
}

// Number gives the IP protocol number, whatever the letter case; what Argus
// recognises inside UDP (rtp, rtcp, udt) is UDP. ok is false for ARP and the like.
func (p Proto) Number() (n uint8, ok bool) {
	switch p & protoKind {
	case 0:
		return uint8(p), true
	case protoEther:
		return 0, false
	}
	name := strings.ToLower(strings.TrimSpace(names.name(uint32(p &^ protoKind))))
	switch name {
	case "rtp", "rtcp", "udt":
		return uint8(ProtoUDP), true
	}
	n, ok = ipProtoNumbers[name]
	return n, ok
}

// String gives ra's name.
func (p Proto) String() string {
	switch p & protoKind {
	case 0:
		return ipProtoNames[uint8(p)]
	case protoEther:
		return strconv.Itoa(int(p &^ protoKind))
	}
	return names.name(uint32(p &^ protoKind))
}

// AppendTo appends what String returns to b.
func (p Proto) AppendTo(b []byte) []byte {
	if p&protoKind == protoEther {
		return strconv.AppendUint(b, uint64(p&^protoKind), 10)
	}
	return append(b, p.String()...)
}

// ErrTooManyNames says that the feed has shown more different names (of hosts,
// services, protocols) than the program keeps. ra needs -n.
var ErrTooManyNames = errors.New("too many different names in the feed (does ra run with -n?)")

// ErrLongName says that a field is longer than any name of a host.
var ErrLongName = errors.New("longer than 255 bytes")
