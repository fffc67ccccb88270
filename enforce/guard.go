package enforce

import (
	"net/netip"
	"slices"

	"slips-ips/policy"
)

// guardKind says which set of protected addresses it is. A packet with an
// address in one passes, whatever the sets of blocks say.
type guardKind uint8

const (
	never4 guardKind = iota // never stopped
	never6
	own4 // this host's: stopped as the source of a blocked tuple only
	own6
	guardKinds = iota
)

// String gives the name of the set.
func (g guardKind) String() string {
	return [guardKinds]string{"never4", "never6", "own4", "own6"}[g]
}

func (g guardKind) ipv6() bool { return g%2 == 1 }

// addrRange is from one address to another, both included.
type addrRange struct{ from, to netip.Addr }

// guards are the ranges of each guard, in order, none touching the next.
type guards [guardKinds][]addrRange

func (g *guards) equal(other *guards) bool {
	for i := range g {
		if !slices.Equal(g[i], other[i]) {
			return false
		}
	}
	return true
}

// maxGuards is how many ranges a guard holds at most. Beyond them only the
// enforcer's own check protects.
const maxGuards = 20_000

// guardsOf gives the guards for what is protected. forced are the addresses of
// blocks on which a person insisted: what the admin allows does not guard them.
func guardsOf(p *policy.Protected, forced []netip.Addr) (g guards, leftOut int) {
	for e := range p.All() {
		if e.Kind == policy.KindAllow && slices.ContainsFunc(forced, e.Prefix.Contains) {
			continue
		}
		kind := never4
		if e.Kind == policy.KindOwn {
			kind = own4
		}
		if !e.Prefix.Addr().Is4() {
			kind++
		}
		g[kind] = append(g[kind], addrRange{e.Prefix.Addr(), last(e.Prefix)})
	}
	for i := range g {
		g[i] = merge(g[i])
		if over := len(g[i]) - maxGuards; over > 0 {
			g[i], leftOut = g[i][:maxGuards], leftOut+over
		}
	}
	return g, leftOut
}

// last gives the last address of a network.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := range b {
		for bit := range 8 {
			if i*8+bit >= p.Bits() {
				b[i] |= 0x80 >> bit
			}
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// merge sorts ranges and joins those that overlap or touch: the kernel refuses
// overlaps, and its own auto-merge is best left alone.
func merge(list []addrRange) []addrRange {
	slices.SortFunc(list, func(a, b addrRange) int { return a.from.Compare(b.from) })
	var merged []addrRange
	for _, r := range list {
		if n := len(merged) - 1; n >= 0 && (!merged[n].to.Less(r.from) || merged[n].to.Next() == r.from) {
			if merged[n].to.Less(r.to) {
				merged[n].to = r.to
			}
			continue
		}
		merged = append(merged, r)
	}
	return merged
}
