package agent

import (
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// TestGraceGoesByHowLongTheAgentRan: not by a wall clock that is put right meanwhile,
// as that of a router that has none of its own, forwards or back.
func TestGraceGoesByHowLongTheAgentRan(t *testing.T) {
	for _, tt := range []struct {
		clock time.Duration // how far it was set
		ran   time.Duration
		want  policy.Cause
	}{
		{0, 4 * time.Minute, policy.CauseGrace},
		{0, 6 * time.Minute, policy.CauseConfirmed},
		{-24 * time.Hour, 6 * time.Minute, policy.CauseConfirmed},
		{24 * time.Hour, 4 * time.Minute, policy.CauseGrace},
	} {
		cfg := DefaultConfig()
		grace := policy.Duration(5 * time.Minute)
		cfg.Policy.Grace, cfg.Policy.Matches, cfg.Policy.Rules = grace, 1, nil
		now := time.Now().Add(tt.clock)
		d, err := newTrial(cfg, time.Minute, policy.NewProtected(), func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		d.started, d.ran = argusfeed.TimeOf(time.Now().Add(-tt.ran)), func() time.Duration { return tt.ran }
		d.now = func(detection.Detection) argusfeed.Time { return argusfeed.TimeOf(now) }
		var got policy.Cause
		d.decided = func(o outcome) { got = o.decision.Cause }
		if err := d.decide([]detection.Detection{{
			Tuple: beaconTuple(1), Label: "From-Botnet-TCP-CC-1", Scorer: "behaviour", Score: 0.99, Threshold: 0.4, Flows: 9, Time: argusfeed.TimeOf(now),
		}}); err != nil {
			t.Fatal(err)
		}
		if got != tt.want {
			t.Errorf("the clock was set by %v, the agent ran for %v: %s, want %s", tt.clock, tt.ran, got, tt.want)
		}
	}
}
