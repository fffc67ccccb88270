package policy

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
)

var sameTuple = cmp.Comparer(func(a, b argusfeed.Tuple) bool { return a == b })

func TestDecisionsComeBackFromJSON(t *testing.T) {
	tuples := []argusfeed.Tuple{
		{}, testTuple("10.0.0.5", "203.0.113.7", "443", "tcp"), testTuple("fe80::1", "2001:db8::7", "0x0087", "ipv6-icmp"),
		testTuple("02:00:00:00:01:04", "ff:ff:ff:ff:ff:ff", "", "arp"), testTuple("host.a", "10.0.0.9", "https", "TCP"),
	}
	duration := rapid.Int64Range(0, int64(MaxDuration))
	float := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), 0, 1e300, 5e-324}))
	moment := rapid.Int64Range(0, 253402300799_999_999) // the last year with four digits
	rapid.Check(t, func(r *rapid.T) {
		want := Decision{
			ID: rapid.String().Draw(r, "id"), Time: argusfeed.Time(moment.Draw(r, "time")),
			Tuple:  rapid.SampledFrom(tuples).Draw(r, "tuple"),
			Action: rapid.SampledFrom([]Action{ActionIgnore, ActionAlert, ActionBlock}).Draw(r, "action"),
			Scope:  rapid.SampledFrom([]Scope{"", ScopeTuple}).Draw(r, "scope"), Duration: time.Duration(duration.Draw(r, "duration")),
			Rule: rapid.String().Draw(r, "rule"), Cause: Cause(rapid.String().Draw(r, "cause")), Reason: rapid.String().Draw(r, "reason"),
			Label: rapid.String().Draw(r, "label"), Score: float.Draw(r, "score"), Threshold: float.Draw(r, "threshold"),
			Flows: rapid.Uint64().Draw(r, "flows"), Matches: rapid.Int().Draw(r, "matches"), Since: argusfeed.Time(moment.Draw(r, "since")),
			Confirmed: rapid.Bool().Draw(r, "confirmed"), Renewal: rapid.Bool().Draw(r, "renewal"), Repeat: rapid.Bool().Draw(r, "repeat"),
		}
		var got Decision
		throughJSON(r, want, &got)
		if d := cmp.Diff(want, got, cmpopts.EquateNaNs(), sameTuple); d != "" {
			r.Fatal(d)
		}
		block := Block{
			ID: want.ID, Tuple: want.Tuple, Scope: want.Scope, Duration: want.Duration, Label: want.Label,
			Verdict: rapid.SampledFrom([]Verdict{"", VerdictDrop, VerdictReject}).Draw(r, "verdict"), Forced: rapid.Bool().Draw(r, "forced"),
		}
		var gotBlock Block
		throughJSON(r, block, &gotBlock)
		if d := cmp.Diff(block, gotBlock, sameTuple); d != "" {
			r.Fatal(d)
		}
	})
}

func throughJSON(r *rapid.T, from, to any) {
	r.Helper()
	data, err := json.Marshal(from)
	if err != nil {
		r.Fatal(err)
	}
	if err := json.Unmarshal(data, to); err != nil {
		r.Fatalf("%s: %v", data, err)
	}
}

func TestNoDecisionFromBadJSON(t *testing.T) {
	for _, tt := range []struct{ json, want string }{
		{`{}`, "action: missing"},
		{`{"action":"deny"}`, `"deny" is not allowed`},
		{`{"action":"block","scope":"world"}`, `"world" is not allowed`},
		{`{"action":"block","seconds":-1}`, "-1 is no duration"},
		{`{"action":"block","seconds":1e300}`, "1e+300 is no duration"},
		{`{"action":"block","tuple":"10.0.0.1"}`, "is no tuple"},
		{`[]`, "cannot unmarshal array"},
	} {
		d := Decision{ID: "before"}
		err := json.Unmarshal([]byte(tt.json), &d)
		if err == nil || !strings.Contains(err.Error(), tt.want) || d.ID != "before" {
			t.Errorf("%s gives %+v and the error %v, want %q", tt.json, d, err, tt.want)
		}
	}
	for _, text := range []string{`{"scope":"world"}`, `{"seconds":-1}`, `{"tuple":"x"}`, `1`} {
		var b Block
		if err := json.Unmarshal([]byte(text), &b); err == nil {
			t.Errorf("%s is a block: %+v", text, b)
		}
	}
}
