package policy

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
)

func TestByHand(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxBlocks = 2
	e, err := New(cfg, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	p := testProtected()
	plain := testTuple("10.0.0.5", "198.51.100.7", "443", "tcp")
	allowed := testTuple("10.0.0.245", "198.51.100.7", "443", "tcp")
	gateway := testTuple("10.0.0.5", "203.0.113.1", "443", "tcp")
	own := testTuple("10.0.0.5", "10.0.0.1", "443", "tcp")
	// An own address that is in an allowed network as well.
	both := testTuple("10.0.0.5", "10.0.0.254", "443", "tcp")
	special := testTuple("10.0.0.5", "224.0.0.251", "443", "tcp")
	for _, c := range []struct {
		name   string
		r      HandRequest
		v      View
		action Action
		cause  Cause
		lasts  time.Duration
		reason string
	}{
		{"as long as the policy says", HandRequest{Tuple: plain}, View{Protected: p}, ActionBlock, CauseByHand, time.Hour,
			"asked for by somebody; blocked for 1h"},
		{"named", HandRequest{Tuple: plain, Duration: 5 * time.Minute, By: "alice", Comment: "her phone\x1b[2J"}, View{Protected: p},
			ActionBlock, CauseByHand, 5 * time.Minute, `asked for by alice ("her phone\x1b[2J"); blocked for 5m`},
		{"too short", HandRequest{Tuple: plain, Duration: time.Millisecond}, View{Protected: p}, ActionAlert, CauseInvalid, 0,
			`asked for by somebody; not blocked: duration: 1ms is not allowed; use "1s" to "30d", with the unit`},
		{"too long a comment", HandRequest{Tuple: plain, Comment: strings.Repeat("x", MaxComment+1)}, View{Protected: p}, ActionAlert, CauseInvalid, 0,
			"asked for by somebody (" + strings.Repeat("x", MaxComment) + "…); not blocked: comment: 201 characters are too many; use at most 200"},
		{"too long a name", HandRequest{Tuple: plain, By: strings.Repeat("é", MaxName+1)}, View{Protected: p}, ActionAlert, CauseInvalid, 0,
			"asked for by " + strings.Repeat("é", MaxName) + "…; not blocked: name: 65 characters are too many; use at most 64"},
		{"no port", HandRequest{Tuple: testTuple("10.0.0.5", "198.51.100.7", "", "tcp"), Force: true}, View{Protected: p}, ActionAlert, CauseUnblockable, 0,
			"asked for by somebody; not blocked: the tuple has no port, and without one the block would cut all of tcp"},
		{"nothing known", HandRequest{Tuple: plain, Force: true}, View{}, ActionAlert, CauseProtected, 0,
			"asked for by somebody; not blocked: the protected addresses are not known yet"},
		{"allowed", HandRequest{Tuple: allowed}, View{Protected: p}, ActionAlert, CauseProtected, 0,
			"asked for by somebody; not blocked: source 10.0.0.245 is allowed in [protect]: the admins, which is never blocked unless that is overridden by force"},
		{"allowed, by force", HandRequest{Tuple: allowed, Force: true}, View{Protected: p}, ActionBlock, CauseForced, time.Hour,
			"asked for by somebody; blocked for 1h, by force although source 10.0.0.245 is allowed in [protect]: the admins, which is never blocked"},
		{"paused, by force", HandRequest{Tuple: plain, Force: true}, View{Protected: p, Paused: "blocking is paused"}, ActionAlert, CausePaused, 0,
			"asked for by somebody; not blocked: blocking is paused"},
		{"the gateway, by force", HandRequest{Tuple: gateway, Force: true}, View{Protected: p}, ActionAlert, CauseProtected, 0,
			"asked for by somebody; not blocked: destination 203.0.113.1 is the gateway of wan0 and a resolver (/etc/resolv.conf), which is never blocked"},
		{"this host, by force", HandRequest{Tuple: own, Force: true}, View{Protected: p}, ActionAlert, CauseProtected, 0,
			"asked for by somebody; not blocked: destination 10.0.0.1 is an own address of lan0, which is never blocked"},
		{"this host, allowed too, by force", HandRequest{Tuple: both, Force: true}, View{Protected: p}, ActionAlert, CauseProtected, 0,
			"asked for by somebody; not blocked: destination 10.0.0.254 is an own address of lan0, which is never blocked"},
		{"multicast, by force", HandRequest{Tuple: special, Force: true}, View{Protected: p}, ActionAlert, CauseProtected, 0,
			"asked for by somebody; not blocked: destination 224.0.0.251 is a multicast address, which is never blocked"},
		{"from this host", HandRequest{Tuple: testTuple("10.0.0.1", "198.51.100.7", "443", "tcp")}, View{Protected: p}, ActionBlock, CauseByHand, time.Hour,
			"asked for by somebody; blocked for 1h"},
		{"no room", HandRequest{Tuple: plain}, View{Protected: p, BlocksInForce: 2}, ActionAlert, CauseMaxBlocks, 0,
			"asked for by somebody; not blocked: 2 blocks are in force and at most 2 may be (max_blocks), unless that is overridden by force"},
		{"no room, by force", HandRequest{Tuple: plain, Force: true}, View{Protected: p, BlocksInForce: 2}, ActionBlock, CauseByHand, time.Hour,
			"asked for by somebody; blocked for 1h"},
		{"a quarantine, rejected", HandRequest{Tuple: plain, Scope: ScopeSource, Verdict: VerdictReject}, View{Protected: p}, ActionBlock, CauseByHand, time.Hour,
			"asked for by somebody; blocked for 1h, scope source, verdict reject"},
		{"a quarantine of this host", HandRequest{Tuple: testTuple("10.0.0.1", "198.51.100.7", "443", "tcp"), Scope: ScopeSource, Force: true}, View{Protected: p},
			ActionAlert, CauseProtected, 0, "asked for by somebody; not blocked: source 10.0.0.1 is an own address of lan0, which is never blocked"},
		{"a pair without a port", HandRequest{Tuple: testTuple("10.0.0.5", "198.51.100.7", "", "tcp"), Scope: ScopePair}, View{Protected: p}, ActionBlock, CauseByHand,
			time.Hour, "asked for by somebody; blocked for 1h, scope pair"},
		{"no scope", HandRequest{Tuple: plain, Scope: "net"}, View{Protected: p}, ActionAlert, CauseInvalid, 0,
			`asked for by somebody; not blocked: scope: "net" is not allowed; use tuple, pair, destination or source`},
		{"no verdict", HandRequest{Tuple: plain, Verdict: "refuse"}, View{Protected: p}, ActionAlert, CauseInvalid, 0,
			`asked for by somebody; not blocked: verdict: "refuse" is not allowed; use drop or reject`},
		{"wider than the one in force", HandRequest{Tuple: plain, Scope: ScopeDestination}, View{Protected: p, InForce: InForce{ID: "b", Until: testNow + hour, Scope: ScopePair}},
			ActionBlock, CauseByHand, time.Hour, "asked for by somebody; blocked for 1h, scope destination"},
		{"longer than a wider one", HandRequest{Tuple: plain, Duration: 2 * time.Hour}, View{Protected: p, InForce: InForce{ID: "b", Until: testNow + hour, Scope: ScopePair}},
			ActionBlock, CauseByHand, 2 * time.Hour, "asked for by somebody; blocked for 2h"},
		{"longer than the one in force", HandRequest{Tuple: plain}, View{Protected: p, BlocksInForce: 2, InForce: InForce{ID: "b", Until: testNow + 50*minute}},
			ActionBlock, CauseByHand, time.Hour, "asked for by somebody; renewed for 1h"},
		{"shorter than the one in force", HandRequest{Tuple: plain, Force: true}, View{Protected: p, InForce: InForce{ID: "b", Until: testNow + hour}},
			ActionAlert, CauseInForce, 0, "asked for by somebody; not blocked: already blocked until 2026-03-01T13:00:00Z, " +
				"which is no sooner than asked for; lift that block first to shorten it"},
		{"one that ran out", HandRequest{Tuple: plain}, View{Protected: p, InForce: InForce{ID: "b", Until: testNow}}, ActionBlock, CauseByHand, time.Hour,
			"asked for by somebody; blocked for 1h"},
	} {
		c.v.Now, c.v.ID = testNow, "id"
		got := e.ByHand(c.r, c.v)
		want := Decision{ID: "id", Time: testNow, Tuple: c.r.Tuple, Action: c.action, Cause: c.cause, Duration: c.lasts, Rule: RuleByHand,
			Label: LabelByHand, Since: testNow, Confirmed: true, Reason: c.reason, Renewal: strings.Contains(c.reason, "renewed")}
		if c.action == ActionBlock {
			want.Scope, want.Verdict = c.r.Scope, c.r.Verdict
			if want.Scope == "" {
				want.Scope = ScopeTuple
			}
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b argusfeed.Tuple) bool { return a == b })); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
		if b, ok := got.Block(); ok && b.Forced != (c.cause == CauseForced) {
			t.Errorf("%s: %+v", c.name, b)
		}
	}
	cfg.Rules[0].Name = RuleByHand
	if cfg.Validate() == nil {
		t.Error("a rule may be named as what a person decides")
	}
}

// Whoever asks for what, and however hard: what this host lives on is never
// blocked, and what the admin allows only by force.
func TestForceNeverBlocksWhatIsProtected(t *testing.T) {
	blocked, forced, saved := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		e, _ := drawEngine(t)
		d := drawDetection(t)
		v, entries := drawView(t, d)
		if ip, ok := d.Tuple.Dst.IP(); ok && rapid.Bool().Draw(t, "allowed") {
			entries = append(entries, Entry{netip.PrefixFrom(ip, ip.BitLen()), KindAllow, "allowed"})
			v.Protected = NewProtected(entries...)
		}
		r := HandRequest{Tuple: d.Tuple,
			Scope:   rapid.SampledFrom([]Scope{"", ScopeTuple, ScopePair, ScopeDestination, ScopeSource, "net"}).Draw(t, "scope"),
			Verdict: rapid.SampledFrom([]Verdict{"", VerdictDrop, VerdictReject, "refuse"}).Draw(t, "verdict"),
			Force:   rapid.Bool().Draw(t, "force"),
			By:      rapid.StringN(0, 70, -1).Draw(t, "by"), Comment: rapid.StringN(0, 210, -1).Draw(t, "comment"),
			Duration: rapid.SampledFrom([]time.Duration{0, 0, time.Second, -1, time.Hour, MaxDuration, MaxDuration + 1}).Draw(t, "duration")}
		dec := e.ByHand(r, v)
		if strings.ContainsFunc(dec.Reason, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x9b }) {
			t.Fatalf("control characters in %q", dec.Reason)
		}
		if _, err := json.Marshal(dec); err != nil || dec.ID != v.ID || dec.Rule != RuleByHand || dec.Repeat {
			t.Fatalf("%+v: %v", dec, err)
		}
		b, ok := dec.Block()
		if !ok {
			if dec.Cause == CauseProtected {
				saved++
			}
			return
		}
		blocked++
		if !r.Force && !dec.Renewal && v.BlocksInForce >= e.maxBlocks {
			t.Fatal("a block too many")
		}
		if dec.Renewal && v.Now.Add(dec.Duration) < v.InForce.Until {
			t.Fatal("a block was made shorter")
		}
		if b.Duration < MinDuration || b.Duration > MaxDuration {
			t.Fatalf("blocks for %v", b.Duration)
		}
		src, okSrc := b.Tuple.Src.IP()
		dst, okDst := b.Tuple.Dst.IP()
		if !okSrc || !okDst || UnblockableAs(b.Tuple, b.Scope) != "" || b.Scope == "net" || b.Verdict == "refuse" {
			t.Fatalf("blocks %v", b.Tuple)
		}
		overridden := false
		for end, ip := range map[string]netip.Addr{"source": src.Unmap(), "destination": dst.Unmap()} {
			if ip.IsUnspecified() || ip.IsLoopback() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
				t.Fatalf("blocks %v: special %s", b.Tuple, end)
			}
			for _, e := range entries {
				switch {
				case !unmapPrefix(e.Prefix).Contains(ip):
				case end == "source" && e.Kind == KindOwn && (b.Scope == ScopeTuple || b.Scope == ScopeDestination):
				case end == "source" && e.Kind == KindRouter && b.Scope == ScopeDestination: // it does not name it
				case e.Kind == KindAllow:
					overridden = true
				default:
					t.Fatalf("blocks %v: %s is in %v (%s)", b.Tuple, end, e.Prefix, e.Kind)
				}
			}
		}
		// An own address within an allowed network is a source like others.
		if overridden != b.Forced || b.Forced && !r.Force {
			t.Fatalf("forced is %v, overridden %v, force %v", b.Forced, overridden, r.Force)
		}
		if b.Forced {
			forced++
		}
	})
	if blocked == 0 || forced == 0 || saved == 0 {
		t.Errorf("%d blocked, %d by force, %d saved: nothing was tested", blocked, forced, saved)
	}
}

func TestForcedBlockJSON(t *testing.T) {
	for forced, want := range map[bool]string{
		false: `{"id":"1","tuple":"10.0.0.5-198.51.100.7-443-tcp","scope":"tuple","seconds":1,"label":"By-Hand"}`,
		true:  `{"id":"1","tuple":"10.0.0.5-198.51.100.7-443-tcp","scope":"tuple","seconds":1,"label":"By-Hand","forced":true}`,
	} {
		b := Block{ID: "1", Tuple: testTuple("10.0.0.5", "198.51.100.7", "443", "tcp"), Scope: ScopeTuple, Duration: time.Second, Label: LabelByHand, Forced: forced}
		if got, err := json.Marshal(b); err != nil || string(got) != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
}
