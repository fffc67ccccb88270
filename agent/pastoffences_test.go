package agent

import (
	"context"
	"testing"
	"time"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// TestOffencesSurviveARestart: an agent blocks, another one on the same state
// folder blocks the same tuple again, and for longer. What a person lifted is
// forgiven over the restart too.
func TestOffencesSurviveARestart(t *testing.T) {
	state := t.TempDir()
	// next runs an agent that sees the beacon, and gives its blocks.
	next := func(lifted bool) policy.Decision {
		t.Helper()
		source := &fakeSource{name: "fake:", batches: [][]argusfeed.Flow{beacon(1, 40, time.Minute)}}
		a, _, _ := testAgent(t, func(c *Config) { c.Agent.State = state }, source)
		var first policy.Decision
		a.decider.decided = func(o outcome) {
			if _, ok := o.decision.Block(); ok && first.ID == "" {
				first = o.decision
			}
			a.tell(o)
		}
		if err := a.Run(context.Background()); err != nil {
			t.Fatal(err)
		}
		if first.ID == "" {
			t.Fatal("nothing was blocked")
		}
		endBlock(t, state, first, lifted)
		return first
	}
	one, two := next(false), next(true)
	if one.Offence != 0 || two.Offence != 1 || two.Duration <= one.Duration {
		t.Errorf("blocked for %v after %d offences, then for %v after %d", one.Duration, one.Offence, two.Duration, two.Offence)
	}
	if three := next(false); three.Offence != 0 {
		t.Errorf("what was lifted by hand counts as %d offences", three.Offence)
	}
}

// endBlock makes a block of the history one of yesterday, which ran out or was lifted.
func endBlock(t *testing.T, state string, d policy.Decision, lifted bool) {
	t.Helper()
	opt := DefaultConfig().History.Options()
	opt.Path = state + "/history.db"
	s, err := history.Open(opt)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	block, _ := d.Block()
	end := time.Now().Add(-24 * time.Hour).Truncate(time.Second)
	b := history.Block{Block: block, Since: end.Add(-d.Duration), Until: end, DryRun: true}
	// The same ID again makes the row anew.
	s.Record(history.Event{Kind: history.KindBlock, Mode: "dry-run", Decision: &d, Block: &b})
	if lifted {
		ended := b // the first is being written meanwhile
		ended.End = history.EndLifted
		s.Record(history.Event{Kind: history.KindLift, Mode: "dry-run", Block: &ended})
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPastOffencesOfTheHistory(t *testing.T) {
	now := time.Now()
	block := func(began, lasts time.Duration, end history.End) history.Block {
		return history.Block{
			Block: policy.Block{Tuple: beaconTuple(1), Scope: policy.ScopeTuple, Duration: lasts},
			Since: now.Add(-began), Until: now.Add(-began + lasts), End: end,
		}
	}
	renewal := block(90*time.Minute, time.Hour, "")
	renewal.Since, renewal.Renewal = now.Add(-2*time.Hour), true
	for _, tt := range []struct {
		name string
		past []history.Block
		want int
	}{
		{"two", []history.Block{block(9*time.Hour, time.Hour, ""), block(2*time.Hour, time.Hour, "replaced")}, 2},
		{"one and its renewal", []history.Block{block(2*time.Hour, time.Hour, "replaced"), renewal}, 1},
		{"lifted by hand", []history.Block{block(9*time.Hour, time.Hour, ""), block(2*time.Hour, time.Hour, history.EndLifted)}, 0},
		{"protected later", []history.Block{block(2*time.Hour, time.Hour, history.EndProtected)}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			engine, err := policy.New(policy.DefaultConfig(), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			o := engine.NewOffences()
			for _, b := range tt.past {
				recordPast(o, b)
			}
			if got := o.Of(beaconTuple(1)).Tuple; got.Count != tt.want {
				t.Errorf("%d count, want %d", got.Count, tt.want)
			}
		})
	}
}
