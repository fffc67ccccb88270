package agent

import (
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"slips-ips/agent/allowlist"
	"slips-ips/agent/hostnet"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// What looks like this host's own tuple may be a client's, of each IP version that this
// host forwards and of no other.
func TestRouterAddresses(t *testing.T) {
	own4, own6 := netip.MustParsePrefix("203.0.113.1/32"), netip.MustParsePrefix("2001:db8:113::1/128")
	for _, tt := range []struct{ forwards4, forwards6 bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		allowed, err := allowlist.Open("")
		if err != nil {
			t.Fatal(err)
		}
		p := newProtection(testConfig(), allowed, slog.New(slog.DiscardHandler))
		p.take(hostnet.Snapshot{Forwards4: tt.forwards4, Forwards6: tt.forwards6, Entries: []policy.Entry{
			{Prefix: own4, Kind: policy.KindOwn, Why: "an own address of wan0"}, {Prefix: own6, Kind: policy.KindOwn, Why: "an own address of wan0"},
		}})
		p.ends.Stop()
		for _, of := range []struct {
			src, dst string
			want     bool
		}{{"203.0.113.1", "198.51.100.9", tt.forwards4}, {"2001:db8:113::1", "2001:db8:66::66", tt.forwards6}} {
			tuple := argusfeed.Tuple{
				Src: argusfeed.AddrFrom(netip.MustParseAddr(of.src)), Dst: argusfeed.AddrFrom(netip.MustParseAddr(of.dst)),
				Port: argusfeed.PortNumber(443), Proto: argusfeed.ProtoTCP,
			}
			why, refused := p.snapshot().Refuses(tuple, policy.ScopeTuple)
			if refused != of.want || refused && !strings.Contains(why, "its clients may be behind it") {
				t.Errorf("%+v: %s: refused: %v, %s", tt, of.src, refused, why)
			}
			if why, refused := p.snapshot().Refuses(tuple, policy.ScopeDestination); refused {
				t.Errorf("%+v: %s: the destination is refused: %s", tt, of.src, why)
			}
		}
	}
}
