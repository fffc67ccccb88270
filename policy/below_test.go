package policy

import (
	"strings"
	"testing"
	"time"
)

// TestBelow: by default only what is nearly sure is blocked; a detection without
// a probability is none of that rule's business.
func TestBelow(t *testing.T) {
	e, err := New(DefaultConfig(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scorer string
		score  float64
		rule   string
	}{
		{"behaviour", 0.5, "unsure"},
		{"behaviour", 0.9499, "unsure"},
		{"behaviour", 0.95, "generic"},
		{"behaviour", 1, "generic"},
		{"slips-0.3.3", 1.05, DefaultRule},
	} {
		d := testDetection("10.0.0.5", "198.51.100.7", "443", "tcp")
		d.Label, d.Scorer, d.Score, d.Threshold = "From-Generic-TCP-HTTP-beacon-regular", c.scorer, c.score, 0.4
		d.Generic = c.scorer == "behaviour"
		got := e.Decide(d, View{Now: testNow, ID: "id", Protected: testProtected()})
		if got.Rule != c.rule {
			t.Errorf("%s %v: rule %s, want %s", c.scorer, c.score, got.Rule, c.rule)
		}
		word := map[bool]string{true: " with probability ", false: " with score "}[c.scorer == "behaviour"]
		if !strings.Contains(got.Reason, word) {
			t.Errorf("%s: the reason is %s", c.scorer, got.Reason)
		}
	}
}

// TestSlowBeaconsAreBlocked: by default ten matches in a week confirm what is
// generic, whatever it is named after, three in a day what a model speaks for;
// and a block lasts until the next calls.
func TestSlowBeaconsAreBlocked(t *testing.T) {
	for name, c := range map[string]struct {
		generic bool
		gap     time.Duration
		matches int // when it is blocked, 0: never
		lasts   time.Duration
	}{
		"generic, a minute":   {true, time.Minute, 10, time.Hour},
		"generic, six hours":  {true, 6 * time.Hour, 10, 18 * time.Hour},
		"generic, 18 hours":   {true, 18 * time.Hour, 10, 54 * time.Hour},
		"generic, 19 hours":   {true, 19 * time.Hour, 0, 0},
		"a model, a minute":   {false, time.Minute, 3, time.Hour},
		"a model, 11 hours":   {false, 11 * time.Hour, 3, 33 * time.Hour},
		"a model, 13 hours":   {false, 13 * time.Hour, 0, 0},
		"a gap not measured":  {false, 0, 3, time.Hour},
		"a model, 20 minutes": {false, 20 * time.Minute, 3, time.Hour},
	} {
		e, err := New(DefaultConfig(), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		tracker, blocked := e.NewTracker(), 0
		now := testNow
		for i := range 20 {
			d := testDetection("10.0.0.5", "198.51.100.7", "443", "tcp")
			d.Label, d.Scorer, d.Score, d.Threshold = "From-Botnet-TCP-HTTP-CC.Cridex-1", "behaviour", 0.97, 0.4
			d.Generic, d.Gap, d.Time = c.generic, c.gap, now
			got := e.Decide(d, View{Now: now, ID: "id", Protected: testProtected(), Evidence: tracker.Observe(d)})
			tracker.Decided(got)
			if got.Action == ActionBlock {
				if blocked = i + 1; got.Duration != c.lasts {
					t.Errorf("%s: blocked for %s, want %s", name, got.Duration, c.lasts)
				}
				// The next two calls come while it is in force, the second renews it.
				until := now.Add(got.Duration)
				for k := 1; c.gap >= time.Hour && k <= 2; k++ {
					d.Time = now.Add(time.Duration(k) * c.gap)
					next := e.Decide(d, View{Now: d.Time, ID: "id", Protected: testProtected(), Evidence: tracker.Observe(d), InForce: InForce{ID: "id", Until: until}})
					if next.Renewal != (k == 2) {
						t.Errorf("%s: call %d: %s", name, k, next.Reason)
					}
				}
				break
			}
			now = now.Add(max(c.gap, time.Second))
		}
		if blocked != c.matches {
			t.Errorf("%s: blocked at match %d, want %d", name, blocked, c.matches)
		}
	}
}
