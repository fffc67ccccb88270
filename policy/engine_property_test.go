package policy

import (
	"encoding/json"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
)

// Whatever the configuration and the detection: a protected address is never
// blocked, and what is blocked is what the kernel can match.
func TestProtectedIsNeverBlocked(t *testing.T) {
	blocks, saved, scopes := 0, 0, map[Scope]int{}
	rapid.Check(t, func(t *rapid.T) {
		e := drawBlocker(t)
		d := drawDetection(t)
		v, entries := drawView(t, d)
		// As much as possible speaks for a block.
		v.Evidence.Times = slices.Repeat(v.Evidence.Times[:1], MaxMatches)
		v.InForce, v.BlocksInForce, v.Spent, v.Started = InForce{}, 0, Spent{}, 0
		dec := e.Decide(d, v)
		if dec.Cause == CauseProtected {
			saved++
		}
		b, ok := dec.Block()
		if !ok {
			return
		}
		blocks++
		src, okSrc := b.Tuple.Src.IP()
		dst, okDst := b.Tuple.Dst.IP()
		if !okSrc || !okDst || src.BitLen() != dst.BitLen() || src == dst {
			t.Fatalf("blocks %v", b.Tuple)
		}
		scopes[b.Scope]++
		proto, ok := b.Tuple.Proto.Number()
		if !ok && b.Scope == ScopeTuple {
			t.Fatalf("blocks %v: no IP protocol", b.Tuple)
		}
		if port, ok := b.Tuple.Port.Number(); b.Scope == ScopeTuple && (proto == 6 || proto == 17 || proto == 132) && (!ok || port == 0) {
			t.Fatalf("blocks %v: no port", b.Tuple)
		}
		// The oracle uses the definitions of net/netip, not our table.
		for end, ip := range map[string]netip.Addr{"source": src.Unmap(), "destination": dst.Unmap()} {
			if ip.IsUnspecified() || ip.IsLoopback() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
				t.Fatalf("blocks %v: special %s", b.Tuple, end)
			}
			for _, e := range entries {
				own := e.Kind == KindOwn && b.Scope == ScopeTuple || b.Scope == ScopeDestination && (e.Kind == KindOwn || e.Kind == KindRouter)
				if unmapPrefix(e.Prefix).Contains(ip) && (end == "destination" || !own) {
					t.Fatalf("blocks %v: %s is in %v (%s)", b.Tuple, end, e.Prefix, e.Kind)
				}
			}
		}
	})
	if blocks == 0 || saved == 0 || len(scopes) != 4 {
		t.Errorf("%d blocks of scopes %v, %d saved: nothing was tested", blocks, scopes, saved)
	}
}

func TestDecisionsAreWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, c := drawEngine(t)
		d := drawDetection(t)
		v, _ := drawView(t, d)
		dec := e.Decide(d, v)
		seen := slices.Clone(v.Evidence.Times)
		if diff := cmp.Diff(dec, e.Decide(d, v), cmp.AllowUnexported(argusfeed.Addr{}), nanEqual); diff != "" {
			t.Fatalf("the same question got two answers: %s", diff)
		}
		if !slices.Equal(seen, v.Evidence.Times) {
			t.Fatal("the evidence changed")
		}
		if dec.ID != v.ID || dec.Reason == "" || dec.Rule == "" || dec.Cause == "" || dec.Action.check() != nil {
			t.Fatalf("incomplete: %+v", dec)
		}
		if strings.ContainsAny(dec.Reason, "\x1b\n") {
			t.Fatalf("the reason holds control characters: %q", dec.Reason)
		}
		if _, err := json.Marshal(dec); err != nil {
			t.Fatal(err)
		}
		blocked := dec.Action == ActionBlock
		if blocked != (dec.Duration >= MinDuration && dec.Duration <= MaxDuration && dec.Scope != "") ||
			!blocked && (dec.Duration != 0 || dec.Scope != "" || dec.Verdict != "") || blocked && dec.Repeat {
			t.Fatalf("%s for %v, scope %q, repeat %v", dec.Action, dec.Duration, dec.Scope, dec.Repeat)
		}
		if blocked && !dec.Renewal && v.BlocksInForce >= c.MaxBlocks {
			t.Fatalf("a block too many: %d of %d", v.BlocksInForce, c.MaxBlocks)
		}
		over := func(n, limit int) bool { return limit > 0 && n >= limit }
		if b := c.Budget; blocked && !dec.Renewal && (over(v.Spent.Minute, b.PerMinute) || over(v.Spent.Source, b.PerSource) || over(v.Spent.Destination, b.PerDestination)) {
			t.Fatalf("beyond the budget: %+v of %+v", v.Spent, b)
		}
		if blocked && dec.Renewal && dec.Time.Add(dec.Duration) < v.InForce.Until {
			t.Fatalf("a renewal cuts the block short: %v after %v", dec.Time.Add(dec.Duration), v.InForce.Until)
		}
	})
}

var nanEqual = cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })

func TestMoreEvidenceNeverTurnsABlockIntoLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, _ := drawEngine(t)
		d := drawDetection(t)
		v, _ := drawView(t, d)
		before := e.Decide(d, v)
		v.Evidence.Times = append(slices.Clone(v.Evidence.Times), d.Time.Add(-time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "one more"))))
		after := e.Decide(d, v)
		if before.Action == ActionBlock && (after.Action != ActionBlock || after.Duration < before.Duration) ||
			before.Confirmed && !after.Confirmed || after.Matches < before.Matches {
			t.Fatalf("before: %s %v\nafter:  %s %v", before.Action, before.Reason, after.Action, after.Reason)
		}
	})
}

func TestFirstMatchWins(t *testing.T) {
	ruled := 0
	rapid.Check(t, func(t *rapid.T) {
		e, c := drawEngine(t)
		d := drawDetection(t)
		v, _ := drawView(t, d)
		want := DefaultRule
		for i, r := range c.Rules {
			if naiveFits(c, v, r, d) {
				want = nameOf(r, i)
				ruled++
				break
			}
		}
		if dec := e.Decide(d, v); dec.Rule != want {
			t.Fatalf("%v %q was decided by %s, want %s\n%+v", d.Tuple, d.Label, dec.Rule, want, c.Rules)
		}
	})
	if ruled == 0 {
		t.Error("no rule fitted ever: nothing was tested")
	}
}
