package history

import (
	"fmt"
	"testing"
	"time"
)

func TestPastBlocks(t *testing.T) {
	s := testStore(t, Options{})
	var all []Event
	for n, tuple := range []string{"10.0.0.1-203.0.113.9-443-tcp", "10.0.0.2-203.0.113.9-443-tcp", "10.0.0.3-203.0.113.9-443-tcp"} {
		all = append(all, testBlock(t, n, tuple))
	}
	all[1].Block.DryRun = true
	failed := testBlock(t, 3, "10.0.0.4-203.0.113.9-443-tcp")
	failed.Error = "the kernel did not take it"
	for _, e := range append(all, failed, lift(t, start.Add(time.Minute), all[0], EndLifted)) {
		s.Record(e)
	}
	flush(t, s)
	for _, tt := range []struct {
		name   string
		most   int
		dryRun bool
		want   []Event
	}{
		{"enforced", 10, false, []Event{all[0], all[2]}},
		{"dry-run too", 10, true, all},
		{"the newest", 1, false, all[2:]},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, unreadable, err := s.PastBlocks(t.Context(), tt.most, tt.dryRun)
			if err != nil || unreadable != 0 || len(got) != len(tt.want) {
				t.Fatalf("%d blocks, %d unreadable, %v; want %d", len(got), unreadable, err, len(tt.want))
			}
			for i, b := range got {
				if b.ID != tt.want[i].ID {
					t.Errorf("%d: %s, want %s", i, b.Tuple, tt.want[i].Block.Tuple)
				}
			}
			if lifted := got[0].ID == all[0].ID && got[0].End == EndLifted; lifted != (tt.most > 1) {
				t.Errorf("the end of the first is %q", got[0].End)
			}
		})
	}
}

// BenchmarkPastBlocks is what a start after so many blocks waits for.
func BenchmarkPastBlocks(b *testing.B) {
	const n = 100_000
	s := testStore(b, Options{QueueLen: 10_000})
	e := testBlock(b, 0, "10.0.0.1-203.0.113.9-443-tcp")
	for i := range n {
		next, block := e, *e.Block
		next.ID, next.Block = newID(b), &block
		block.ID = next.ID
		block.Since = start.Add(time.Duration(i) * time.Second)
		block.Tuple = testTuple(b, fmt.Sprintf("10.%d.%d.%d-203.0.113.9-443-tcp", i>>16, i>>8&255, i&255))
		s.Record(next)
		if i%5000 == 4999 {
			flush(b, s)
		}
	}
	flush(b, s)
	for b.Loop() {
		if got, _, err := s.PastBlocks(b.Context(), n, false); err != nil || len(got) != n {
			b.Fatal(len(got), err)
		}
	}
}
