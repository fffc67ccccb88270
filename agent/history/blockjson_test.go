package history

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

func TestBlockJSON(t *testing.T) {
	tuple, err := argusfeed.ParseTuple("10.0.0.5-203.0.113.9-443-tcp")
	if err != nil {
		t.Fatal(err)
	}
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	want := Event{Kind: KindLift, Time: since, Block: &Block{
		Block: policy.Block{ID: "019", Tuple: tuple, Scope: policy.ScopeTuple, Duration: time.Hour, Label: "L"},
		Since: since, Until: since.Add(time.Hour), Renewal: true, DryRun: true, End: EndLifted,
	}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Event
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b argusfeed.Tuple) bool { return a == b })); diff != "" {
		t.Errorf("%s\n%s", diff, text)
	}
}
