package enforce

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"slips-ips/policy"
)

// The ranges of the guards hold exactly what is protected, in order, and none
// touches the next.
func TestGuardRanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var entries []policy.Entry
		for range rapid.IntRange(0, 20).Draw(t, "entries") {
			b := [4]byte{203, 0, byte(rapid.IntRange(112, 115).Draw(t, "net")), byte(rapid.IntRange(0, 255).Draw(t, "host"))}
			p := netip.PrefixFrom(netip.AddrFrom4(b), rapid.IntRange(20, 32).Draw(t, "bits")).Masked()
			kind := rapid.SampledFrom([]policy.Kind{policy.KindAllow, policy.KindGateway, policy.KindOwn}).Draw(t, "kind")
			entries = append(entries, policy.Entry{Prefix: p, Kind: kind, Why: "x"})
		}
		protected := policy.NewProtected(entries...)
		g, leftOut := guardsOf(protected, nil)
		if leftOut != 0 {
			t.Fatal(leftOut)
		}
		for kind, list := range g {
			for i, r := range list {
				if r.to.Less(r.from) || i > 0 && !list[i-1].to.Next().Less(r.from) {
					t.Fatalf("%s: %v", guardKind(kind), list)
				}
			}
		}
		ip := netip.AddrFrom4([4]byte{203, 0, byte(rapid.IntRange(111, 116).Draw(t, "net")), byte(rapid.IntRange(0, 255).Draw(t, "host"))})
		in := func(list []addrRange) bool {
			for _, r := range list {
				if !ip.Less(r.from) && !r.to.Less(ip) {
					return true
				}
			}
			return false
		}
		if _, want := protected.Lookup(ip); want != (in(g[never4]) || in(g[own4])) {
			t.Fatalf("%s is protected: %v", ip, want)
		}
	})
	// Up to the last address there is.
	got := merge([]addrRange{
		{netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("255.255.255.255")},
		{netip.MustParseAddr("240.0.0.0"), netip.MustParseAddr("255.255.255.254")},
	})
	if len(got) != 1 || got[0].from.String() != "240.0.0.0" || got[0].to.String() != "255.255.255.255" {
		t.Errorf("%d ranges, from %v", len(got), got)
	}
}

// Beyond the maximum the rest is counted.
func TestGuardMaximum(t *testing.T) {
	entries := make([]policy.Entry, maxGuards+10)
	for i := range entries {
		ip := netip.AddrFrom4([4]byte{20, byte(i >> 15), byte(i >> 7), byte(i << 1)})
		entries[i] = policy.Entry{Prefix: netip.PrefixFrom(ip, 32), Kind: policy.KindAllow, Why: "x"}
	}
	g, leftOut := guardsOf(policy.NewProtected(entries...), nil)
	if len(g[never4]) != maxGuards || leftOut != 15 { // and the five special ranges
		t.Errorf("%d ranges, %d left out", len(g[never4]), leftOut)
	}
}
