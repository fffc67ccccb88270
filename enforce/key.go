package enforce

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// setKind says in which set of our table an element is. Those of IPv6 are odd.
type setKind uint8

const (
	blocked4 setKind = iota // source . destination . protocol . destination port
	blocked6
	pair4 // source . destination . protocol
	pair6
	hosts4 // source . destination: everything between the two
	hosts6
	dest4 // an address: everything to and from it
	dest6
	quar4 // an address: a quarantined host
	quar6
	setKinds = iota
)

// String gives the name of the set.
func (s setKind) String() string {
	return [setKinds]string{
		"blocked4", "blocked6", "pair4", "pair6", "hosts4", "hosts6", "dest4", "dest6", "quar4", "quar6",
	}[s]
}

func (s setKind) ipv6() bool  { return s%2 == 1 }
func (s setKind) ports() bool { return s == blocked4 || s == blocked6 }
func (s setKind) proto() bool { return s <= pair6 }

// single tells whether the keys are one address, not two.
func (s setKind) single() bool { return s >= dest4 }

// wide tells whether an element covers more than a tuple.
func (s setKind) wide() bool { return s >= hosts4 }

// addrLen gives the length of an address in the set's keys.
func (s setKind) addrLen() int {
	if s.ipv6() {
		return 16
	}
	return 4
}

// keyLen gives the length of the set's keys.
func (s setKind) keyLen() int {
	switch {
	case s.single():
		return s.addrLen()
	case s.ports():
		return 2*s.addrLen() + 8
	case s.proto():
		return 2*s.addrLen() + 4
	}
	return 2 * s.addrLen()
}

// key is an element: a set and the bytes that the kernel compares. It is
// comparable.
type key struct {
	set setKind
	buf [40]byte
}

func (k *key) bytes() []byte { return k.buf[:k.set.keyLen()] }

// keyOf gives the element for a tuple. This is the one place where keys are
// made: each field fills whole words of four bytes, and the rest of a word must
// be zero, because the kernel accepts other padding and then never matches.
func keyOf(t argusfeed.Tuple) (key, error) {
	if why := policy.Unblockable(t); why != "" {
		return key{}, fmt.Errorf("%w: %s", ErrRefused, why)
	}
	src, _ := t.Src.IP()
	dst, _ := t.Dst.IP()
	proto, _ := t.Proto.Number()
	// Argus calls both ICMPs icmp in places; each exists in one IP version only.
	switch {
	case src.Is4() && proto == uint8(argusfeed.ProtoICMPv6):
		proto = uint8(argusfeed.ProtoICMP)
	case !src.Is4() && proto == uint8(argusfeed.ProtoICMP):
		proto = uint8(argusfeed.ProtoICMPv6)
	}
	k := key{set: pair4}
	if policy.HasPorts(proto) {
		k.set = blocked4
	}
	if !src.Is4() {
		k.set++
	}
	n := k.set.addrLen()
	copy(k.buf[:], src.AsSlice())
	copy(k.buf[n:], dst.AsSlice())
	k.buf[2*n] = proto
	if k.set.ports() {
		port, _ := t.Port.Number()
		binary.BigEndian.PutUint16(k.buf[2*n+4:], port)
	}
	return k, nil
}

// keyFrom reads an element back from the bytes of the kernel.
func keyFrom(set setKind, b []byte) (key, error) {
	if len(b) != set.keyLen() {
		return key{}, fmt.Errorf("an element of %s has %d bytes, not %d", set, len(b), set.keyLen())
	}
	k := key{set: set}
	copy(k.buf[:], b)
	return k, nil
}

// tuple gives the tuple of an element, as far as the element knows it. For
// protocols without ports the "port" that Argus showed is not in it; an element
// of one address is the source or the destination only.
func (k *key) tuple() argusfeed.Tuple {
	n := k.set.addrLen()
	first, _ := netip.AddrFromSlice(k.buf[:n])
	t := argusfeed.Tuple{Src: argusfeed.AddrFrom(first)}
	switch {
	case k.set == dest4 || k.set == dest6:
		return argusfeed.Tuple{Dst: t.Src}
	case k.set.single():
		return t
	}
	second, _ := netip.AddrFromSlice(k.buf[n : 2*n])
	t.Dst = argusfeed.AddrFrom(second)
	if k.set.proto() {
		t.Proto = argusfeed.Proto(k.buf[2*n])
	}
	if k.set.ports() {
		t.Port = argusfeed.PortNumber(binary.BigEndian.Uint16(k.buf[2*n+4:]))
	}
	return t
}
