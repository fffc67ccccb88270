package agent

import (
	"errors"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/hostnet"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

// TestBlocksBehindMasquerade: on a masquerading router that enforces, the same
// beacon is captured on its LAN side, as the client's, or on its WAN side, as the
// router's own. Whatever the scope, the router is cut off from nothing: the kernel's
// guards let what it sends itself pass, to a blocked destination as well.
func TestBlocksBehindMasquerade(t *testing.T) {
	program := testenv.Program(t, "nft")
	evil4, evil6 := netip.MustParseAddr("203.0.113.66"), netip.MustParseAddr("2001:db8:66::66")
	const port = 8080
	for _, tt := range []struct {
		side  string
		src   netip.Addr
		scope policy.Scope
		cause policy.Cause
		// who still reaches the server of no good
		a, b, router bool
	}{
		{"LAN", lab.ClientA4, policy.ScopeTuple, policy.CauseInForce, false, true, true},
		{"LAN", lab.ClientA4, policy.ScopePair, policy.CauseInForce, false, true, true},
		{"LAN", lab.ClientA4, policy.ScopeDestination, policy.CauseInForce, false, false, true},
		{"LAN", lab.ClientA4, policy.ScopeSource, policy.CauseInForce, false, true, true},
		{"WAN", lab.RouterWAN4, policy.ScopeTuple, policy.CauseProtected, true, true, true},
		{"WAN", lab.RouterWAN4, policy.ScopePair, policy.CauseProtected, true, true, true},
		{"WAN", lab.RouterWAN4, policy.ScopeDestination, policy.CauseInForce, false, false, true},
		{"WAN", lab.RouterWAN4, policy.ScopeSource, policy.CauseProtected, true, true, true},
		{"LAN", lab.ClientA6, policy.ScopeTuple, policy.CauseInForce, false, true, true},
		{"LAN", lab.ClientA6, policy.ScopeDestination, policy.CauseInForce, false, false, true},
		{"WAN", lab.RouterWAN6, policy.ScopeTuple, policy.CauseProtected, true, true, true},
		{"WAN", lab.RouterWAN6, policy.ScopePair, policy.CauseProtected, true, true, true},
		{"WAN", lab.RouterWAN6, policy.ScopeDestination, policy.CauseInForce, false, false, true},
		{"WAN", lab.RouterWAN6, policy.ScopeSource, policy.CauseProtected, true, true, true},
	} {
		evil, server, family := evil4, lab.Server4, "ip"
		if tt.src.Is6() {
			evil, server, family = evil6, lab.Server6, "ip6"
		}
		t.Run(tt.side+" "+family+" "+string(tt.scope), func(t *testing.T) {
			r, err := lab.NewRouter()
			if errors.Is(err, lab.ErrUnavailable) {
				testenv.Skip(t, err.Error())
			}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(err)
			t.Cleanup(r.Close)
			must(r.Server.Addr("eth0", netip.PrefixFrom(evil4, 24), netip.PrefixFrom(evil6, 64)))
			must(r.Router.Route(netip.PrefixFrom(evil6, 64).Masked(), lab.Server6))
			must(r.Server.EchoTCP(netip.AddrPortFrom(evil, port)))
			nft := exec.Command(program, "-f", "-")
			nft.Stdin = strings.NewReader("table " + family + " nat {\n\tchain post { type nat hook postrouting priority srcnat; oifname \"wan0\" masquerade; }\n}\n")
			if out, err := r.Router.Output(nft); err != nil {
				t.Fatal(err, out)
			}
			root := t.TempDir()
			found, err := hostnet.Discover(hostnet.Options{NetNS: r.Router.FD(), ResolverFiles: []string{filepath.Join(root, "none")}, Root: root})
			must(err)
			found.Entries = markRouter(found.Entries, true, true)
			protected := func() *policy.Protected { return policy.NewProtected(found.Entries...) }
			blocks, err := enforce.New(enforce.DefaultConfig(), enforce.Options{NetNS: r.Router.FD(), Protected: protected})
			must(err)
			defer blocks.Close()
			c := policy.DefaultConfig()
			c.Rules = []policy.Rule{{Name: "all", Action: policy.ActionBlock, Scope: tt.scope}}
			engine, err := policy.New(c, time.Minute)
			must(err)
			var last policy.Cause
			d := &decider{
				engine: engine, tracker: engine.NewTracker(), ledger: engine.NewLedger(), offences: engine.NewOffences(),
				blocks: blocks, protected: protected,
				now: func(detection.Detection) argusfeed.Time { return argusfeed.TimeOf(time.Now()) },
				decided: func(o outcome) {
					if last = o.decision.Cause; o.failed != nil {
						t.Errorf("%s: %v", o.decision.Tuple, o.failed)
					}
				},
			}
			tuple := argusfeed.Tuple{Src: argusfeed.AddrFrom(tt.src), Dst: argusfeed.AddrFrom(evil), Port: argusfeed.PortNumber(port), Proto: argusfeed.ProtoTCP}
			for i := range uint64(50) {
				must(d.decide([]detection.Detection{{
					Tuple: tuple, Label: "From-Botnet-TCP-CC-1", Scorer: "behaviour", Score: 0.999, Threshold: 0.4, Flows: i + 1, Time: argusfeed.TimeOf(time.Now()),
				}}))
			}
			if last != tt.cause {
				t.Errorf("the last decision is %s, want %s", last, tt.cause)
			}
			for _, from := range []struct {
				who     string
				ns      *lab.NS
				reaches bool
			}{{"client A", r.ClientA, tt.a}, {"client B", r.ClientB, tt.b}, {"the router", r.Router, tt.router}} {
				patience := 5 * time.Second
				if !from.reaches {
					patience = 500 * time.Millisecond
				}
				if err := from.ns.Reach("tcp", netip.AddrPortFrom(evil, port), patience); (err == nil) != from.reaches {
					t.Errorf("%s to the server of no good: %v, want it to reach: %v", from.who, err, from.reaches)
				}
			}
			other := netip.AddrPortFrom(server, port)
			if err := r.Router.Reach("tcp", other, 5*time.Second); err != nil {
				t.Errorf("the router to another server: %v", err)
			}
			if err := r.ClientB.Reach("tcp", other, 5*time.Second); err != nil {
				t.Errorf("another client to another server: %v", err)
			}
		})
	}
}
