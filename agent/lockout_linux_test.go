package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
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

// TestNobodyIsLockedOut: on a router that enforces, the peer of the admin's SSH
// session, the gateway, the resolver and the DHCP server are the loudest beacons
// of the network. They stay reachable, and what is not protected
// is cut off. What is protected, and who is connected, is found out in the
// router's own namespace.
func TestNobodyIsLockedOut(t *testing.T) {
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
	// The gateway is the server; beyond it, at the same interface, are a resolver
	// and a server of no good.
	resolver, evil := netip.MustParseAddr("203.0.113.53"), netip.MustParseAddr("203.0.113.66")
	must(r.Server.Addr("eth0", netip.PrefixFrom(resolver, 24), netip.PrefixFrom(evil, 24)))
	must(r.Router.Route(netip.MustParsePrefix("0.0.0.0/0"), lab.Server4))
	const port, sshPort = 8080, 22
	for _, ip := range []netip.Addr{resolver, evil} {
		must(r.Server.EchoTCP(netip.AddrPortFrom(ip, port)))
	}
	must(r.Router.EchoTCP(netip.AddrPortFrom(lab.RouterLAN4, sshPort)))
	// The admin sits at client A.
	session, err := r.ClientA.Dial("tcp", netip.AddrPortFrom(lab.RouterLAN4, sshPort), 5*time.Second)
	must(err)
	defer session.Close()
	must(session.Echo(5 * time.Second))

	root := t.TempDir()
	resolvers := filepath.Join(root, "resolv.conf")
	must(os.WriteFile(resolvers, fmt.Appendf(nil, "nameserver %s\n", resolver), 0o600))
	found, err := hostnet.Discover(hostnet.Options{NetNS: r.Router.FD(), ResolverFiles: []string{resolvers}, Root: root})
	must(err)
	found.Entries = markRouter(found.Entries, true, true)
	protected := policy.NewProtected(found.Entries...)
	home := policy.NewHome(found.Networks...)

	for _, scope := range []policy.Scope{policy.ScopeTuple} { // a wider block of the evil server is the admin's too
		t.Run(string(scope), func(t *testing.T) {
			blocks, err := enforce.New(enforce.DefaultConfig(), enforce.Options{
				NetNS: r.Router.FD(), Protected: func() *policy.Protected { return protected },
			})
			must(err)
			defer blocks.Close()
			c := policy.DefaultConfig()
			c.Rules = []policy.Rule{{Name: "all", Action: policy.ActionBlock, Scope: scope}}
			engine, err := policy.New(c, time.Minute)
			must(err)
			causes := map[string]policy.Cause{}
			d := &decider{
				engine: engine, tracker: engine.NewTracker(), ledger: engine.NewLedger(), offences: engine.NewOffences(), blocks: blocks,
				protected: func() *policy.Protected { return protected },
				home:      func() *policy.Home { return home },
				now:       func(detection.Detection) argusfeed.Time { return argusfeed.TimeOf(time.Now()) },
				decided: func(o outcome) {
					if o.failed != nil {
						t.Errorf("%s: %v", o.decision.Tuple, o.failed)
					}
					causes[o.decision.Tuple.String()] = o.decision.Cause
				},
			}
			beacon := func(src, dst netip.Addr, port uint16) {
				t.Helper()
				tuple := argusfeed.Tuple{Src: argusfeed.AddrFrom4(src.As4()), Dst: argusfeed.AddrFrom4(dst.As4()), Port: argusfeed.PortNumber(port), Proto: argusfeed.ProtoTCP}
				for i := range uint64(50) {
					must(d.decide([]detection.Detection{{
						Tuple: tuple, Label: "From-Botnet-TCP-CC-1", Scorer: "behaviour", Score: 0.999, Threshold: 0.4, Flows: i + 1, Time: argusfeed.TimeOf(time.Now()),
					}}))
				}
			}
			beacon(lab.ClientA4, evil, port)              // the admin
			beacon(lab.ClientB4, lab.Server4, port)       // the gateway
			beacon(lab.ClientB4, resolver, port)          // the resolver
			beacon(lab.ClientB4, lab.RouterLAN4, sshPort) // the router
			beacon(lab.RouterWAN4, evil, port)            // and what it masquerades
			beacon(lab.ClientB4, evil, port)              // nobody's friend
			beacon(lab.ClientB4, lab.ClientA4, sshPort)   // to the admin
			for tuple, cause := range causes {
				want := policy.CauseProtected
				if tuple == fmt.Sprintf("%s-%s-%d-tcp", lab.ClientB4, evil, port) {
					want = policy.CauseInForce
				}
				if cause != want {
					t.Errorf("%s: %s, want %s", tuple, cause, want)
				}
			}
			if len(causes) != 7 || blocks.Len() != 1 {
				t.Errorf("%d tuples were decided on, %d are blocked", len(causes), blocks.Len())
			}

			if err := session.Echo(5 * time.Second); err != nil {
				t.Errorf("the admin's session: %v", err)
			}
			for what, to := range map[string]netip.AddrPort{
				"the server of no good": netip.AddrPortFrom(evil, port), "the router": netip.AddrPortFrom(lab.RouterLAN4, sshPort),
			} {
				if err := r.ClientA.Reach("tcp", to, 5*time.Second); err != nil {
					t.Errorf("the admin to %s: %v", what, err)
				}
			}
			for what, to := range map[string]netip.AddrPort{
				"the gateway": netip.AddrPortFrom(lab.Server4, port), "the resolver": netip.AddrPortFrom(resolver, port), "the router": netip.AddrPortFrom(lab.RouterLAN4, sshPort),
			} {
				if err := r.ClientB.Reach("tcp", to, 5*time.Second); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			if err := r.Router.Reach("tcp", netip.AddrPortFrom(evil, port), 5*time.Second); err != nil {
				t.Errorf("the router itself: %v", err)
			}
			if err := r.ClientB.Reach("tcp", netip.AddrPortFrom(evil, port), time.Second); err == nil {
				t.Error("what is not protected is not cut off")
			}
		})
	}
}
