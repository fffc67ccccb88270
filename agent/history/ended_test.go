package history

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// All blocks end with one event; those that begin later do not. What another
// process reads of the file meanwhile is the same.
func TestAllEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := testStore(t, Options{Path: path})
	var blocks []Event
	for n, tuple := range []string{"10.0.0.1-203.0.113.1-443-tcp", "10.0.0.2-203.0.113.1-443-tcp", "10.0.0.3-203.0.113.1-443-tcp", "10.0.0.4-203.0.113.1-443-tcp"} {
		e := testBlock(t, n, tuple)
		e.Block.DryRun = n == 0
		blocks = append(blocks, e)
		s.Record(e)
	}
	flush(t, s)
	inForce := func(want ...string) {
		t.Helper()
		read := map[string]func() ([]Block, error){
			"the store": func() ([]Block, error) { return s.Blocks(context.Background()) },
			"others":    func() ([]Block, error) { return ReadBlocks(context.Background(), path, start) },
		}
		for who, f := range read {
			got, err := f()
			ids := []string{}
			for _, b := range got {
				ids = append(ids, b.ID)
			}
			if diff := cmp.Diff(append([]string{}, want...), ids); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", who, err, diff)
			}
		}
	}
	inForce(blocks[3].ID, blocks[2].ID, blocks[1].ID)
	e := Event{Time: start.Add(10 * time.Second), Kind: KindChange, Text: "everything off",
		Ended: &Ended{Count: 3, Before: start.Add(2 * time.Second), End: EndLifted}}
	s.Record(e)
	flush(t, s)
	inForce(blocks[3].ID)
	page, err := s.Events(context.Background(), Query{Kinds: []Kind{KindChange}})
	if err != nil || len(page.Events) != 1 {
		t.Fatalf("%+v, %v", page, err)
	}
	if diff := cmp.Diff(e.Ended, page.Events[0].Ended); diff != "" {
		t.Error(diff)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := ReadBlocks(context.Background(), path, start)
	if err != nil || len(got) != 1 {
		t.Errorf("of nobody's file: %v, %v", got, err)
	}
	if got, err := ReadBlocks(context.Background(), path+".none", start); err != nil || got != nil {
		t.Errorf("of none: %v, %v", got, err)
	}
}
