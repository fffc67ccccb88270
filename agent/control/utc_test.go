package control

import (
	"testing"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
)

func TestInUTC(t *testing.T) {
	local := time.Date(2026, 3, 1, 13, 0, 0, 0, time.FixedZone("CET", 3600))
	st := status.Status{Now: local, Errors: []status.Error{{Time: local}}, Feeds: []status.Feed{{}}}
	st.Feeds[0].LastHeard = local
	got := inUTC(st)
	for name, at := range map[string]time.Time{"field": got.Now, "list": got.Errors[0].Time, "embedded": got.Feeds[0].LastHeard} {
		if at.Location() != time.UTC || !at.Equal(local) {
			t.Errorf("%s: %v", name, at)
		}
	}
	if st.Errors[0].Time.Location() == time.UTC {
		t.Error("what the backend has was changed")
	}
	e := history.Event{Time: local, Block: &history.Block{Since: local}}
	if got := inUTC(e); got.Block.Since.Location() != time.UTC || e.Block.Since.Location() == time.UTC || got.Feed != nil {
		t.Errorf("%+v", got.Block)
	}
}
