package policy

import (
	"net/netip"
	"slices"
)

// Everything says what keeps every block of an IP version away: networks that cover
// all of its addresses; empty: nothing does.
func (c ProtectConfig) Everything() []string {
	var four, six []netip.Prefix
	for _, n := range c.Networks {
		if p := unmapPrefix(n.Prefix.Prefix); p.Addr().Is4() {
			four = append(four, p)
		} else {
			six = append(six, p)
		}
	}
	var said []string
	for _, v := range []struct {
		name     string
		networks []netip.Prefix
		all      netip.Prefix
	}{
		{"IPv4", four, netip.PrefixFrom(netip.IPv4Unspecified(), 0)},
		{"IPv6", six, netip.PrefixFrom(netip.IPv6Unspecified(), 0)},
	} {
		if covers(v.networks, v.all) {
			said = append(said, "[protect] networks are every address of "+v.name+": nothing is ever blocked over it; leave out the widest of them, or use mode dry-run if that is meant")
		}
	}
	return said
}

// covers tells whether networks are together all of p.
func covers(networks []netip.Prefix, p netip.Prefix) bool {
	inside := slices.DeleteFunc(slices.Clone(networks), func(n netip.Prefix) bool { return !n.Overlaps(p) })
	switch {
	case slices.ContainsFunc(inside, func(n netip.Prefix) bool { return n.Bits() <= p.Bits() }):
		return true
	case len(inside) < 2: // a half is missing
		return false
	}
	low := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	return covers(inside, low) && covers(inside, netip.PrefixFrom(last(low).Next(), p.Bits()+1))
}

// last gives the last address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
