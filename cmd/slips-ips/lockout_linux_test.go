package main

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"slips-ips/internal/lab"
	"slips-ips/policy"
)

// TestLoudestBeaconsStayReachable: the whole program in enforce mode on a router, with
// a real argus. The peer of the admin's SSH session beacons to a server of no good,
// and others to the gateway, the resolver and the router, all as loud as the one
// beacon that is nobody's: only that one is cut off, whatever the scope.
func TestLoudestBeaconsStayReachable(t *testing.T) {
	for _, scope := range []policy.Scope{policy.ScopeTuple, policy.ScopeSource} {
		t.Run(string(scope), func(t *testing.T) {
			t.Parallel()
			r := masqueradingRouter(t)
			resolver := netip.AddrPortFrom(netip.MustParseAddr("203.0.113.53"), 8080)
			gateway, ssh := netip.AddrPortFrom(lab.Server4, 8080), netip.AddrPortFrom(lab.RouterLAN4, 22)
			check(t, r.Server.Addr("eth0", netip.PrefixFrom(resolver.Addr(), 24)))
			check(t, r.Server.EchoTCP(resolver))
			check(t, r.Router.EchoTCP(ssh))
			// The admin sits at client A, and did so when the agent started.
			session, err := r.ClientA.Dial("tcp", ssh, 5*time.Second)
			check(t, err)
			defer session.Close()
			check(t, session.Echo(5*time.Second))
			c := runOnRouter(t, r, lab.RouterLAN, fmt.Sprintf(blockAll, scope), resolver.Addr())

			loud := []reach{
				{"the admin", r.ClientA, evil, true}, {"the gateway", r.ClientB, gateway, true}, {"the resolver", r.ClientB, resolver, true},
				{"the router", r.ClientB, ssh, true}, {"nobody's friend", r.ClientB, evil, false},
			}
			for _, b := range loud {
				defer beaconEach(t, b.from, b.to)()
			}
			for _, b := range loud {
				src := lab.ClientB4
				if b.from == r.ClientA {
					src = lab.ClientA4
				}
				if scope == policy.ScopeSource && b.from == r.ClientB && b.to != evil {
					continue // once it is in quarantine nothing of it passes
				}
				if e := decidedOn(t, c, src, b.to); (e.Block == nil) != b.reaches {
					t.Errorf("%s: %s", b.who, e.Verdict)
				}
			}
			if err := session.Echo(5 * time.Second); err != nil {
				t.Errorf("the admin's session: %v", err)
			}
			if scope == policy.ScopeTuple {
				checkReach(t, loud)
			}
			checkReach(t, []reach{
				{"the admin to the server of no good", r.ClientA, evil, true}, {"the admin to the router", r.ClientA, ssh, true},
				{"the admin to the gateway", r.ClientA, gateway, true},
				{"the router to the gateway", r.Router, gateway, true}, {"the router to the resolver", r.Router, resolver, true},
				{"client B to the server of no good", r.ClientB, evil, false},
			})
		})
	}
}
