package policy

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// TestTheSameInputGivesTheSameHistory: whatever the configuration, the detections
// and the clock, which may also be set back; and on the way every cap holds, and
// what is in force is only what may be.
func TestTheSameInputGivesTheSameHistory(t *testing.T) {
	blocks, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		c.Rules = append(c.Rules, Rule{Name: "all", Action: ActionBlock, Scope: drawScope(t)})
		one, none := 1, Duration(0)
		for i := range c.Rules {
			c.Rules[i].Matches, c.Rules[i].Grace = &one, &none
		}
		var input []detection.Detection
		now := testNow
		for range rapid.IntRange(1, 20).Draw(t, "detections") {
			now = now.Add(time.Duration(rapid.Int64Range(-int64(time.Minute), int64(10*time.Minute)).Draw(t, "gap")))
			d := drawDetection(t)
			d.Time = now
			input = append(input, d)
		}
		var runs [2][]Decision
		for i := range runs {
			e, err := New(c, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			p := newPipeline(e)
			for _, d := range input {
				spent := p.ledger.Spent(d.Tuple, d.Time)
				inForce := p.ledger.Len()
				dec := p.decide(d)
				runs[i] = append(runs[i], dec)
				if dec.Action != ActionBlock {
					if dec.Cause == CauseMaxBlocks || dec.Cause == CausePerMinute || dec.Cause == CausePerSource || dec.Cause == CausePerDest {
						refused++
					}
					continue
				}
				blocks++
				over := func(n, limit int) bool { return limit > 0 && n >= limit }
				if b := c.Budget; !dec.Renewal && (inForce >= c.MaxBlocks || over(spent.Minute, b.PerMinute) || over(spent.Source, b.PerSource) || over(spent.Destination, b.PerDestination)) {
					t.Fatalf("a block too many: %d in force, %+v of %+v", inForce, spent, b)
				}
				if p.ledger.Len() > c.MaxBlocks || p.before.Len() > c.MaxTuples || p.tracker.Len() > c.MaxTuples {
					t.Fatalf("%d blocks of %d, %d offenders and %d tuples of %d", p.ledger.Len(), c.MaxBlocks, p.before.Len(), p.tracker.Len(), c.MaxTuples)
				}
				if why, refused := testProtected().Refuses(dec.Tuple, dec.Scope); refused {
					t.Fatalf("blocks %v: %s", dec.Tuple, why)
				}
			}
		}
		if diff := cmp.Diff(runs[0], runs[1], cmp.AllowUnexported(argusfeed.Addr{}), nanEqual); diff != "" {
			t.Fatalf("the same input gave two histories: %s", diff)
		}
		if slices.ContainsFunc(runs[0], func(d Decision) bool { return d.Reason == "" }) {
			t.Fatal("a decision without a reason")
		}
	})
	if blocks == 0 || refused == 0 {
		t.Errorf("%d blocks, %d refused by a budget: nothing was tested", blocks, refused)
	}
}
