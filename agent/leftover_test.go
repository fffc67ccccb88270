package agent

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/policy"
)

// After a change from enforce to dry-run the old blocks still drop packets: that
// must not look as if all were well.
func TestLeftoverOfEnforceMode(t *testing.T) {
	dir := t.TempDir()
	store, err := history.Open(history.Options{Path: filepath.Join(dir, "history.db")})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i, until := range []time.Time{now.Add(time.Hour), now.Add(2 * time.Hour), now.Add(-time.Minute)} {
		store.Record(history.Event{
			ID: eventID(), Time: now.Add(-3 * time.Hour), Kind: history.KindBlock, Mode: "enforce", Text: "blocked",
			Block: &history.Block{
				Block: policy.Block{ID: eventID(), Tuple: beaconTuple(byte(i + 1)), Scope: policy.ScopeTuple, Duration: time.Hour},
				Since: now.Add(-3 * time.Hour), Until: until,
			},
		})
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	o, _ := running(t, func(c *Config) { c.Agent.State = dir }, nil)
	s := o.Status()
	if len(s.Problems) != 1 || s.Worst() != status.Warning || !strings.HasPrefix(s.Problems[0].What, "2 blocks that were made in enforce mode") ||
		!strings.Contains(s.Problems[0].What, "nft delete table inet slips") {
		t.Errorf("%+v", s.Problems)
	}
	if got := o.left.problem(now.Add(3*time.Hour), "slips"); len(got) > 0 {
		t.Errorf("after they have run out: %+v", got)
	}
}
