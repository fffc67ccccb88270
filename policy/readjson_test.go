package policy

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"slips-ips/argusfeed"
)

func TestReadJSON(t *testing.T) {
	tuple, err := argusfeed.ParseTuple("10.0.0.5-203.0.113.9-443-tcp")
	if err != nil {
		t.Fatal(err)
	}
	d := Decision{
		ID: "019", Time: 1_700_000_000_000_001, Tuple: tuple, Action: ActionBlock, Scope: ScopeTuple, Duration: 90*time.Minute + time.Millisecond,
		Rule: "generic", Cause: CauseConfirmed, Reason: "because", Label: "L", Score: math.NaN(), Threshold: 0.5, Flows: 7, Matches: 3, Since: 1_600_000_000_000_000,
		Confirmed: true, Renewal: true, Repeat: true,
	}
	block, _ := d.Block()
	compare := cmp.Options{cmp.Comparer(func(a, b argusfeed.Tuple) bool { return a == b }), cmpopts.EquateNaNs()}
	var gotD Decision
	roundTrip(t, d, &gotD)
	if diff := cmp.Diff(d, gotD, compare); diff != "" {
		t.Error(diff)
	}
	var gotB Block
	roundTrip(t, block, &gotB)
	if diff := cmp.Diff(block, gotB, compare); diff != "" {
		t.Error(diff)
	}
}

func roundTrip(t *testing.T, in, out any) {
	t.Helper()
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
}
