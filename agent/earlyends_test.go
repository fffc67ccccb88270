package agent

import (
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// TestEarlyEndsFreeTheBudget: however a block ends, its place in the budget is free
// for the next decision, also where by the wall's clock it has time left.
func TestEarlyEndsFreeTheBudget(t *testing.T) {
	for _, tt := range []struct {
		name     string
		end      func(*testing.T, operator)
		offences int // that are left
	}{
		{"by hand", func(t *testing.T, o operator) {
			if _, err := o.RemoveBlock(t.Context(), root, beaconTuple(1).String()); err != nil {
				t.Fatal(err)
			}
		}, 0},
		{"all by hand", func(t *testing.T, o operator) {
			if n, err := o.FlushBlocks(t.Context(), root); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}, 0},
		{"allowed", func(t *testing.T, o operator) {
			if _, err := o.AddAllow(t.Context(), root, control.Allow{Network: "203.0.113.9"}); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"ran out after the clock was set back", func(t *testing.T, o operator) {
			active, _ := o.enforcer.Lookup(beaconTuple(1))
			o.enforcer.Lift([]policy.Block{active.Block})
			o.tellLift(active.Block, active.Since, time.Now(), history.EndExpired, "it ran out", nil)
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, _ := running(t, nil, nil, beacon(1, 40, time.Minute)...)
			look := func() (spent policy.Spent, counted int) {
				t.Helper()
				if err := ask(t.Context(), o.deciding, func() {
					o.decider.hearEnds()
					spent = o.decider.ledger.Spent(beaconTuple(1), argusfeed.TimeOf(time.Now()))
					counted = o.decider.offences.Of(beaconTuple(1)).Tuple.Count
				}); err != nil {
					t.Fatal(err)
				}
				return spent, counted
			}
			if spent, n := look(); spent.Source != 1 || spent.Destination != 1 || n != 1 {
				t.Fatalf("blocked: %+v, %d offences", spent, n)
			}
			tt.end(t, o)
			if spent, n := look(); spent.Source != 0 || spent.Destination != 0 || n != tt.offences {
				t.Errorf("ended: %+v, %d offences, want %d", spent, n, tt.offences)
			}
		})
	}
}

// TestEarlyEndsOfWhatIsBlockedAgain: the end of a block that is heard of late takes
// nothing from the one in its place.
func TestEarlyEndsOfWhatIsBlockedAgain(t *testing.T) {
	o, _ := running(t, nil, nil)
	r := control.BlockRequest{Tuple: beaconTuple(9), Duration: time.Hour}
	old, err := o.AddBlock(t.Context(), root, r)
	if err != nil {
		t.Fatal(err)
	}
	active, _ := o.enforcer.Lookup(r.Tuple)
	o.enforcer.Lift([]policy.Block{active.Block})
	again, err := o.AddBlock(t.Context(), root, r)
	if err != nil || again.ID == old.ID {
		t.Fatalf("%+v, %v", again, err)
	}
	o.tellLift(active.Block, active.Since, time.Now(), history.EndLifted, "lifted", &root)
	if err := ask(t.Context(), o.deciding, func() {
		o.decider.hearEnds()
		if n := o.decider.ledger.Len(); n != 1 {
			t.Errorf("%d blocks are counted, want 1", n)
		}
		if n := o.decider.offences.Of(r.Tuple).Tuple.Count; n != 1 {
			t.Errorf("%d offences, want that of the block in force", n)
		}
	}); err != nil {
		t.Fatal(err)
	}
}
