package control

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/detection"
	"slips-ips/policy"
)

func TestPresentable(t *testing.T) {
	local := time.Date(2026, 3, 1, 13, 0, 0, 0, time.FixedZone("CET", 3600))
	st := status.Status{Now: local, Errors: []status.Error{{Time: local}}, Feeds: []status.Feed{{}}}
	st.Feeds[0].LastHeard = local
	got := presentable(st)
	for name, at := range map[string]time.Time{"field": got.Now, "list": got.Errors[0].Time, "embedded": got.Feeds[0].LastHeard} {
		if at.Location() != time.UTC || !at.Equal(local) {
			t.Errorf("%s: %v", name, at)
		}
	}
	if st.Errors[0].Time.Location() == time.UTC {
		t.Error("what the backend has was changed")
	}
	e := history.Event{Time: local, Block: &history.Block{Since: local}}
	odd := history.Event{
		Detection: &detection.Detection{Score: math.NaN(), Threshold: math.Inf(1)},
		Decision:  &policy.Decision{Score: math.NaN()},
	}
	told := presentable(odd)
	if told.Detection.Score != 0 || told.Detection.Threshold != math.MaxFloat64 || !math.IsNaN(told.Decision.Score) {
		t.Errorf("%+v", told.Detection)
	}
	if _, err := json.Marshal(told); err != nil {
		t.Error(err)
	}
	if got := presentable(e); got.Block.Since.Location() != time.UTC || e.Block.Since.Location() == time.UTC || got.Feed != nil {
		t.Errorf("%+v", got.Block)
	}
}
