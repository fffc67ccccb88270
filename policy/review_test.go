package policy

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"slips-ips/argusfeed"
)

func TestReview(t *testing.T) {
	det := testDetection("10.0.0.5", "198.51.100.7", "443", "tcp")
	dec := Decision{Tuple: det.Tuple, Rule: DefaultRule, Cause: CauseConfirmed, Action: ActionBlock, Matches: 3, Since: testNow - 20*minute}
	hand := dec
	hand.Rule, hand.Cause = RuleByHand, CauseByHand
	forced := hand
	forced.Cause = CauseForced
	protect := func(kind Kind) View {
		return View{Protected: NewProtected(Entry{netip.MustParsePrefix("198.51.100.0/24"), kind, "of a test"})}
	}
	many := View{Evidence: Evidence{Times: []argusfeed.Time{testNow, testNow + minute, testNow + 2*minute, testNow + 3*minute, testNow + 3*hour}}}
	n := func(n int) *int { return &n }
	for _, c := range []struct {
		name   string
		dec    Decision
		change func(*Config)
		v      View
		why    string
	}{
		{"nothing changed", dec, func(*Config) {}, View{}, ""},
		{"shorter, and fewer", dec, func(c *Config) { c.Duration, c.MaxBlocks = Duration(time.Second), 1 }, View{BlocksInForce: 9}, ""},
		{"the default alerts", dec, func(c *Config) { c.Action = ActionAlert }, View{}, "no rule fits and the default says alert"},
		{"a rule ignores", dec, func(c *Config) {
			c.Rules = []Rule{{Name: "web", Ports: Ports{{443, 443}}, Action: ActionIgnore}}
		}, View{}, "rule web says ignore"},
		{"as many matches", dec, func(c *Config) { c.Matches = 3 }, View{}, ""},
		{"more matches", dec, func(c *Config) { c.Matches = 4 }, View{},
			"no rule fits and the default asks for 4 matches within 1440 windows of 1m, known are 3"},
		{"more matches, which came since", dec, func(c *Config) { c.Matches = 4 }, many, ""},
		{"more matches than came in time", dec, func(c *Config) { c.Matches, c.Windows = 5, 60 }, many,
			"no rule fits and the default asks for 5 matches within 60 windows of 1m, known are 4"},
		{"in a shorter time", dec, func(c *Config) {
			c.Rules = []Rule{{Name: "web", Ports: Ports{{443, 443}}, Action: ActionBlock, Matches: n(2), Windows: n(20)}}
		}, View{}, "rule web asks for 2 matches within 20 windows of 1m, known are 1"},
		{"protected", dec, func(*Config) {}, protect(KindGateway), "destination 198.51.100.7 is of a test, which is never blocked"},
		{"allowed", dec, func(*Config) {}, protect(KindAllow), "destination 198.51.100.7 is of a test, which is never blocked"},
		{"by hand", hand, func(c *Config) { c.Action = ActionIgnore }, View{}, ""},
		{"by hand, allowed", hand, func(*Config) {}, protect(KindAllow), "destination 198.51.100.7 is of a test, which is never blocked"},
		{"by force, allowed", forced, func(*Config) {}, protect(KindAllow), ""},
		{"by force, protected", forced, func(*Config) {}, protect(KindFeed), "destination 198.51.100.7 is of a test, which is never blocked"},
	} {
		cfg := DefaultConfig()
		c.change(&cfg)
		e, err := New(cfg, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if keep, why := e.Review(c.dec, det, c.v); keep != (c.why == "") || why != c.why {
			t.Errorf("%s: keep %v, %q, want %q", c.name, keep, why, c.why)
		}
	}
}

// What one engine blocked another one keeps if, and only if, it would block it
// with the same evidence and enough room.
func TestReviewIsDecidingAgain(t *testing.T) {
	kept, not := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		before, after := drawBlocker(t), drawBlocker(t)
		d := drawDetection(t)
		v, _ := drawView(t, d)
		dec := before.Decide(d, v)
		if dec.Action != ActionBlock {
			return
		}
		if keep, why := before.Review(dec, d, View{Protected: v.Protected, Home: v.Home, Feed: v.Feed}); !keep || why != "" {
			t.Fatalf("the policy that made it: %s\n%s", why, dec.Reason)
		}
		v.InForce, v.BlocksInForce, v.Spent, v.Started = InForce{}, 0, Spent{}, 0
		if rapid.Bool().Draw(t, "protection changed") {
			other, _ := drawView(t, d)
			v.Protected = other.Protected
		}
		seen := slices.Clone(v.Evidence.Times)
		keep, why := after.Review(dec, d, v)
		again := after.Decide(d, v)
		_, forbidden := v.Protected.Refuses(dec.Tuple, dec.Scope) // although a wider block may not be
		would := again.Action == ActionBlock && again.Scope.covers(dec.Scope) && !forbidden
		if keep != would || keep != (why == "") || !slices.Equal(seen, v.Evidence.Times) {
			t.Fatalf("keep %v (%s), decided again: %s %s", keep, why, again.Action, again.Reason)
		}
		if keep {
			kept++
		} else {
			not++
		}
	})
	if kept == 0 || not == 0 {
		t.Errorf("%d kept, %d not: nothing was tested", kept, not)
	}
}
