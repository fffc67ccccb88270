package agent

import (
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// What is blocked narrowly, by hand or by a policy before, is blocked as wide as the
// rule says, once: the narrow block does not hide the wide one.
func TestWiderThanWhatIsBlocked(t *testing.T) {
	for _, scope := range []policy.Scope{policy.ScopePair, policy.ScopeDestination, policy.ScopeSource} {
		c := replayConfig()
		c.Policy.Matches = 1
		c.Policy.Rules = []policy.Rule{{Name: "wide", Action: policy.ActionBlock, Scope: scope}}
		clock := pastBegin
		d, err := newTrial(c, time.Minute, policy.NewProtected(), func() time.Time { return clock })
		if err != nil {
			t.Fatal(err)
		}
		d.now = func(d detection.Detection) argusfeed.Time { clock = d.Time.Time(); return d.Time }
		var made []policy.Cause
		d.decided = func(o outcome) {
			if o.failed != nil {
				t.Errorf("%s: %v", scope, o.failed)
			}
			made = append(made, o.decision.Cause)
		}
		d.blocks.Apply([]policy.Block{{ID: "by hand", Tuple: beaconTuple(1), Scope: policy.ScopeTuple, Duration: 24 * time.Hour}})
		for n := range 20 {
			if err := d.decide([]detection.Detection{pastDetection(1, n, time.Minute)}); err != nil {
				t.Fatal(err)
			}
		}
		for i, cause := range made {
			if want := i == 0; want != (cause == policy.CauseConfirmed) || !want && cause != policy.CauseInForce {
				t.Errorf("%s: decision %d is %s", scope, i, cause)
			}
		}
	}
}
