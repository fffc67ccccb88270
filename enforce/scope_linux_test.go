package enforce

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/policy"
)

func scoped(scope policy.Scope, src, dst netip.Addr) policy.Block {
	b := block(tuple(src, dst, argusfeed.ProtoTCP, 8080), time.Minute)
	b.Scope = scope
	return b
}

// Each scope stops what it says, in both directions and both IP versions, and
// nothing else.
func TestScopes(t *testing.T) {
	r := newRouter(t)
	otherServer4, otherServer6 := netip.MustParseAddr("203.0.113.81"), netip.MustParseAddr("2001:db8:113::81")
	if err := r.Server.Addr("eth0", netip.PrefixFrom(otherServer4, 24), netip.PrefixFrom(otherServer6, 64)); err != nil {
		t.Fatal(err)
	}
	for _, ip := range []netip.Addr{otherServer4, otherServer6} {
		if err := r.Server.EchoTCP(netip.AddrPortFrom(ip, 8080)); err != nil {
			t.Fatal(err)
		}
	}
	for _, family := range []struct{ clientA, server, other netip.Addr }{
		{lab.ClientA4, lab.Server4, otherServer4}, {lab.ClientA6, lab.Server6, otherServer6},
	} {
		for _, test := range []struct {
			scope                       policy.Scope
			a8080, a9090, aPing, aOther bool // client A to the server's ports, a ping, the other server
			aUDP, b8080, serverPingsA   bool
		}{
			{scope: policy.ScopeTuple, a9090: true, aPing: true, aOther: true, aUDP: true, b8080: true, serverPingsA: true},
			{scope: policy.ScopePair, aOther: true, b8080: true},
			{scope: policy.ScopeDestination, aOther: true},
			{scope: policy.ScopeSource, b8080: true},
		} {
			t.Run(string(test.scope)+family.clientA.String(), func(t *testing.T) {
				e := open(t, r.Router)
				defer func() { e.Lift(e.blocks()) }()
				apply(t, e, scoped(test.scope, family.clientA, family.server))
				check := func(pass bool, what string, err error) {
					t.Helper()
					if pass != (err == nil) {
						t.Errorf("%s passes is %v, not %v (%v)", what, err == nil, pass, err)
					}
				}
				wait := func(pass bool) time.Duration {
					if pass {
						return passTime
					}
					return dropTime
				}
				at := func(ip netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(ip, port) }
				check(test.a8080, "A to 8080", r.ClientA.Reach("tcp", at(family.server, 8080), wait(test.a8080)))
				check(test.a9090, "A to 9090", r.ClientA.Reach("tcp", at(family.server, 9090), wait(test.a9090)))
				check(test.aUDP, "A by UDP", r.ClientA.Reach("udp", at(family.server, 8080), wait(test.aUDP)))
				check(test.aPing, "A pings", r.ClientA.Ping(family.server, wait(test.aPing)))
				check(test.aOther, "A to the other server", r.ClientA.Reach("tcp", at(family.other, 8080), wait(test.aOther)))
				check(test.b8080, "B to 8080", r.ClientB.Reach("tcp", at(family.server, 8080), wait(test.b8080)))
				if family.server.Is4() { // of its two IPv6 addresses it might use the other one
					check(test.serverPingsA, "the server pings A", r.Server.Ping(family.clientA, wait(test.serverPingsA)))
				}
				a, ok := e.Lookup(tuple(family.clientA, family.server, argusfeed.ProtoTCP, 8080))
				if !ok || a.Block.Scope != test.scope {
					t.Errorf("looked up as %+v, %v", a, ok)
				}
				enforced(t, e, 1)
			})
		}
	}
}

// blocks gives what is wanted.
func (e *Enforcer) blocks() []policy.Block {
	var blocks []policy.Block
	for _, a := range e.List() {
		blocks = append(blocks, a.Block)
	}
	return blocks
}

// A quarantined host keeps its services, and nothing else.
func TestQuarantine(t *testing.T) {
	r := newRouter(t)
	for _, port := range []uint16{53, 67, 123} {
		for _, ip := range []netip.Addr{lab.RouterLAN4, lab.RouterLAN6} {
			if err := r.Router.EchoUDP(netip.AddrPortFrom(ip, port)); err != nil {
				t.Fatal(err)
			}
		}
	}
	e := open(t, r.Router, func(c *Config, _ *Options) { c.QuarantineAllow = []Service{"dhcp", "dns", "tcp/9090"} })
	for _, ips := range []struct{ client, router, server netip.Addr }{
		{lab.ClientA4, lab.RouterLAN4, lab.Server4}, {lab.ClientA6, lab.RouterLAN6, lab.Server6},
	} {
		apply(t, e, scoped(policy.ScopeSource, ips.client, ips.server))
		passes(t, r.ClientA, "udp", netip.AddrPortFrom(ips.router, 53))
		if ips.client.Is4() {
			passes(t, r.ClientA, "udp", netip.AddrPortFrom(ips.router, 67))
		}
		dropped(t, r.ClientA, "udp", netip.AddrPortFrom(ips.router, 123))
		passes(t, r.ClientA, "tcp", netip.AddrPortFrom(ips.server, 9090))
		dropped(t, r.ClientA, "tcp", netip.AddrPortFrom(ips.server, 8080))
		passes(t, r.ClientB, "udp", netip.AddrPortFrom(ips.router, 123))
	}
}

// ipv6_prefix = 64 covers what else is in the network.
func TestPrefix64(t *testing.T) {
	r := newRouter(t)
	for _, test := range []struct {
		prefix  int
		scope   policy.Scope
		stopped bool
	}{{128, policy.ScopeDestination, false}, {64, policy.ScopeDestination, true}, {128, policy.ScopeSource, false}, {64, policy.ScopeSource, true}} {
		e := open(t, r.Router, func(c *Config, _ *Options) { c.IPv6Prefix = test.prefix })
		neighbour := scoped(test.scope, netip.MustParseAddr("fd00:20::99"), netip.MustParseAddr("2001:db8:113::99"))
		apply(t, e, neighbour)
		if test.stopped {
			dropped(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server6, 8080))
		} else {
			passes(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server6, 8080))
		}
		passes(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 8080))
		enforced(t, e, 1)
		for _, res := range e.Lift([]policy.Block{neighbour}) {
			if res.Err != nil || !res.Before {
				t.Errorf("lifting: %+v", res)
			}
		}
		e.Close()
	}
}

// Each block has its own verdict, and a renewal may change it.
func TestVerdicts(t *testing.T) {
	r := newRouter(t)
	to := netip.AddrPortFrom(lab.Server4, 8080)
	for _, standard := range []Verdict{VerdictDrop, VerdictReject} {
		e := open(t, r.Router, func(c *Config, _ *Options) { c.Verdict = standard })
		b := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 8080), time.Minute)
		for _, verdict := range []policy.Verdict{"", policy.VerdictReject, policy.VerdictDrop, policy.VerdictReject, ""} {
			b.Verdict = verdict
			apply(t, e, b)
			err := r.ClientA.Reach("tcp", to, dropTime)
			rejects := verdict == policy.VerdictReject || verdict == "" && standard == VerdictReject
			if err == nil {
				t.Fatalf("%s, %s: it passes", standard, verdict)
			}
			if refused := strings.Contains(err.Error(), "refused"); refused != rejects {
				t.Errorf("%s, %q: %v", standard, verdict, err)
			}
		}
		b.Verdict = policy.Verdict(otherVerdict(standard))
		apply(t, e, b)
		e.Close()
		again := open(t, r.Router, func(c *Config, _ *Options) { c.Verdict = standard })
		if a, ok := again.Lookup(b.Tuple); !ok || a.Block.Verdict != b.Verdict {
			t.Errorf("adopted as %+v", a)
		}
		again.Lift([]policy.Block{b})
		if list := ruleset(t, r.Router); strings.Contains(list, "10.20.0.11") {
			t.Errorf("something is left:\n%s", list)
		}
		again.Close()
	}
}

// The guards in the kernel hold whatever is in the sets of blocks.
func TestGuardsInKernel(t *testing.T) {
	r := newRouter(t)
	protected := noneProtected
	e := open(t, r.Router, func(_ *Config, o *Options) { o.Protected = func() *policy.Protected { return protected } })
	to := netip.AddrPortFrom(lab.Server4, 8080)
	for _, scope := range []policy.Scope{policy.ScopeTuple, policy.ScopePair, policy.ScopeDestination, policy.ScopeSource} {
		apply(t, e, scoped(scope, lab.ClientA4, lab.Server4))
	}
	dropped(t, r.ClientA, "tcp", to)
	for _, entries := range [][]policy.Entry{
		{{Prefix: netip.MustParsePrefix("10.20.0.11/32"), Kind: policy.KindAllow, Why: "allowed"},
			{Prefix: netip.MustParsePrefix("203.0.113.0/24"), Kind: policy.KindGateway, Why: "a gateway"},
			{Prefix: netip.MustParsePrefix("203.0.112.0/24"), Kind: policy.KindGateway, Why: "beside it"}},
	} {
		protected = policy.NewProtected(entries...)
		// As if the blocks could not be lifted: only the guards change.
		e.op.Lock()
		e.guard(protected)
		err := e.transact(e.kernel.setGuards)
		e.op.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		passes(t, r.ClientA, "tcp", to)
	}
	report, err := e.Check()
	if err != nil || len(report.Lifted) != 4 {
		t.Errorf("%d lifted, not 4 (%v)", len(report.Lifted), err)
	}
	// Somebody removes a guard: it comes back.
	before := ruleset(t, r.Router)
	nft(t, r.Router, "delete element inet slips never4 { 203.0.112.0/23 }", "-f", "-")
	if _, err := e.Check(); err != nil {
		t.Fatal(err)
	}
	if after := ruleset(t, r.Router); after != before || !strings.Contains(after, "203.0.112.0/23") {
		t.Errorf("the guards are not as before:\n%s", after)
	}
}

// A person may insist on blocking what the admin allows: the guards let go of
// that, and of nothing else.
func TestForcedThroughGuards(t *testing.T) {
	r := newRouter(t)
	allow := func(ip netip.Addr, kind policy.Kind) policy.Entry {
		return policy.Entry{Prefix: netip.PrefixFrom(ip, ip.BitLen()), Kind: kind, Why: "told so"}
	}
	protected := policy.NewProtected(allow(lab.Server4, policy.KindAllow), allow(lab.Server6, policy.KindGateway))
	e := open(t, r.Router, func(_ *Config, o *Options) { o.Protected = func() *policy.Protected { return protected } })
	b := scoped(policy.ScopeTuple, lab.ClientA4, lab.Server4)
	if res := e.Apply([]policy.Block{b}); res[0].Err == nil {
		t.Error("an allowed address is blocked")
	}
	b.Forced = true
	apply(t, e, b)
	dropped(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 8080))
	forced6 := scoped(policy.ScopeTuple, lab.ClientA6, lab.Server6)
	forced6.Forced = true
	if res := e.Apply([]policy.Block{forced6}); res[0].Err == nil {
		t.Error("a gateway is blocked")
	}
	if report, err := e.Check(); err != nil || !report.Quiet() {
		t.Errorf("%+v, %v", report, err)
	}
}

// What is only bridged is stopped where br_netfilter sends it to us, and passes
// elsewhere, which Inspect says.
func TestBridge(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	for _, family := range []struct {
		a, b   netip.Addr
		sysctl string
	}{
		{lab.ClientA4, lab.ClientB4, "net.bridge.bridge-nf-call-iptables"},
		{lab.ClientA6, lab.ClientB6, "net.bridge.bridge-nf-call-ip6tables"},
	} {
		to := netip.AddrPortFrom(family.b, 8080)
		if err := r.ClientB.EchoTCP(to); err != nil {
			t.Fatal(err)
		}
		apply(t, e, scoped(policy.ScopeTuple, family.a, family.b))
		if err := r.Router.Sysctl(family.sysctl, "0"); err != nil {
			t.Log("without br_netfilter: ", err)
			passes(t, r.ClientA, "tcp", to)
			continue
		}
		passes(t, r.ClientA, "tcp", to)
		if words := strings.Join(inspectIn(t, r.Router).Warnings, "\n"); !strings.Contains(words, "the bridge br0 (lan0, lan1)") || !strings.Contains(words, family.sysctl+" = 1") {
			t.Errorf("no warning names the bridge:\n%s", words)
		}
		if err := r.Router.Sysctl(family.sysctl, "1"); err != nil {
			t.Fatal(err)
		}
		dropped(t, r.ClientA, "tcp", to)
		if words := strings.Join(inspectIn(t, r.Router).Warnings, "\n"); strings.Contains(words, family.sysctl+" = 1") {
			t.Errorf("the bridge is warned of:\n%s", words)
		}
	}
}

func inspectIn(tb testing.TB, ns *lab.NS) (in Inspection) {
	tb.Helper()
	err := ns.Do(func() (err error) {
		in, err = Inspect(DefaultConfig(), ns.FD())
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return in
}

// With another ipv6_prefix than before, adopted blocks are in force by the new one.
func TestPrefixChanges(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	apply(t, e, scoped(policy.ScopeDestination, lab.ClientA6, netip.MustParseAddr("2001:db8:113::99")))
	passes(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server6, 8080))
	e.Close()
	e = open(t, r.Router, func(c *Config, _ *Options) { c.IPv6Prefix = 64 })
	dropped(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server6, 8080))
	enforced(t, e, 1)
}

// The rules for wide blocks come with the first one, without a report, and are
// kept by whoever adopts the table, damaged or not.
func TestWideRules(t *testing.T) {
	r := newRouter(t)
	e := open(t, r.Router)
	narrow := block(tuple(lab.ClientA4, lab.Server4, argusfeed.ProtoTCP, 9090), time.Hour)
	wide := scoped(policy.ScopeSource, lab.ClientB4, lab.Server4)
	apply(t, e, narrow)
	if strings.Contains(ruleset(t, r.Router), "ip saddr @quar4 ") {
		t.Error("the rules are there without a block")
	}
	apply(t, e, wide)
	to := netip.AddrPortFrom(lab.Server4, 8080)
	dropped(t, r.ClientB, "tcp", to)
	dropped(t, r.ClientA, "tcp", netip.AddrPortFrom(lab.Server4, 9090))
	if report, err := e.Check(); err != nil || !report.Quiet() || e.Stats().Rebuilds != 0 {
		t.Errorf("%+v, %+v, %v", report, e.Stats(), err)
	}
	e.Lift([]policy.Block{wide})
	e.Close()
	before := ruleset(t, r.Router)
	e = open(t, r.Router)
	if s := e.Stats(); s.Rebuilds != 0 || ruleset(t, r.Router) != before {
		t.Errorf("adopting changed it: %+v", s)
	}
	apply(t, e, wide)
	for _, script := range []string{"flush chain inet slips block4", "flush ruleset"} {
		nft(t, r.Router, script, "-f", "-")
		if _, err := e.Check(); err != nil {
			t.Fatal(err)
		}
		dropped(t, r.ClientB, "tcp", to)
		enforced(t, e, 2)
	}
	e.Close()
	nft(t, r.Router, "flush chain inet slips block4", "-f", "-")
	e = open(t, r.Router)
	dropped(t, r.ClientB, "tcp", to)
	enforced(t, e, 2)
}
