package main

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"slips-ips/agent/control"
	"slips-ips/enforce"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

// TestMasqueradeWithArgus: the whole program in enforce mode on a masquerading
// router, with an argus of its own that captures on the LAN side or on the outside,
// where a client's beacon has the router's own address as its source. A block is in
// force where it stops the client, is refused with the reason where it could not,
// and never cuts the router off.
// (A tuple on the LAN side is what TestLoudestBeaconsStayReachable blocks.)
func TestMasqueradeWithArgus(t *testing.T) {
	for _, tt := range []struct {
		iface, scope string
		src          netip.Addr
		blocks       bool
		a, b         bool // who still reaches the server of no good
	}{
		{lab.RouterLAN, "destination", lab.ClientA4, true, false, false},
		{lab.RouterWAN, "tuple", lab.RouterWAN4, false, true, true},
		{lab.RouterWAN, "destination", lab.RouterWAN4, true, false, false},
	} {
		t.Run(tt.iface+" "+tt.scope, func(t *testing.T) {
			t.Parallel()
			r := masqueradingRouter(t)
			c := runOnRouter(t, r, tt.iface, fmt.Sprintf(blockAll, tt.scope), netip.Addr{})
			stop := beaconEach(t, r.ClientA, evil)
			e := decidedOn(t, c, tt.src, evil)
			stop()
			switch {
			case (e.Block != nil) != tt.blocks:
				t.Errorf("blocked: %v, want %v: %s", e.Block != nil, tt.blocks, e.Verdict)
			case tt.blocks && (string(e.Block.Scope) != tt.scope):
				t.Errorf("%+v", *e.Block)
			case !tt.blocks && (!strings.Contains(e.Verdict, "let Argus watch the LAN side") || !strings.Contains(e.Protected, "an own address of wan0")):
				t.Errorf("it does not say why not: %s; %s", e.Verdict, e.Protected)
			}
			other := netip.AddrPortFrom(lab.Server4, 8080)
			checkReach(t, []reach{
				{"client A", r.ClientA, evil, tt.a},
				{"client B", r.ClientB, evil, tt.b},
				{"the router", r.Router, evil, true},
				{"the router to another server", r.Router, other, true},
				{"client A to another server", r.ClientA, other, true},
			})
		})
	}
}

// blockAll is a policy that blocks whatever matches three times, with a scope.
const blockAll = `[policy]
matches = 3
[[policy.rule]]
name = "all"
action = "block"
scope = %q
`

// decidedOn waits until a tuple is blocked, or would be if nothing protected it.
func decidedOn(t *testing.T, c *control.Client, src netip.Addr, dst netip.AddrPort) (e control.Explanation) {
	t.Helper()
	tuple := fmt.Sprintf("%s-%s-%d-tcp", src, dst.Addr(), dst.Port())
	testenv.Until(t, "it is decided on "+tuple, func() bool {
		var err error
		e, err = c.ExplainTuple(t.Context(), tuple)
		return err == nil && (e.Block != nil && e.Block.State == enforce.StateBlocked || e.Ruling != nil && e.Ruling.Decision.Cause == policy.CauseProtected)
	})
	return e
}
