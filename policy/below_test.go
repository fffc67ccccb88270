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
		{"slips-0.3.3", 1.05, "generic"},
	} {
		d := testDetection("10.0.0.5", "198.51.100.7", "443", "tcp")
		d.Label, d.Scorer, d.Score, d.Threshold = "From-Generic-TCP-HTTP-beacon-regular", c.scorer, c.score, 0.4
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
