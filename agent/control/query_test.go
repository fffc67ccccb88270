package control

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent/history"
	"slips-ips/enforce"
)

func TestQueriesSurvive(t *testing.T) {
	tq := TupleQuery{Match: "10.*-[ab]?-*&=%-tcp", Host: "2001:db8::/32", Label: "*Zeus*", Detected: true, MinFlows: 7, Sort: SortScore, Limit: 5, Offset: 6, Letters: -1}
	if got, err := parseTupleQuery(tq.encode()); err != nil || got != tq {
		t.Errorf("%v\n%s", err, cmp.Diff(tq, got))
	}
	bq := BlockQuery{Match: "*", Host: "10.0.0.5", State: enforce.StateMissing, Limit: 1, Offset: 2}
	if got, err := parseBlockQuery(bq.encode()); err != nil || got != bq {
		t.Errorf("%v\n%s", err, cmp.Diff(bq, got))
	}
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
	eq := history.Query{Kinds: []history.Kind{history.KindAlert, history.KindLift}, Since: at, Until: at.Add(time.Hour), Tuple: "a-b-c-d", Host: "10.0.0.0/8",
		Label: "x", Source: "argus://h:1", ID: "i", Limit: 9, After: "j"}
	if got, err := parseEvents(encodeEvents(eq)); err != nil || !cmp.Equal(eq, got) {
		t.Errorf("%v\n%s", err, cmp.Diff(eq, got))
	}
}

func TestQueryDefaults(t *testing.T) {
	if got, err := parseTupleQuery(""); err != nil || got != (TupleQuery{Sort: SortLast, Limit: DefaultLimit, Letters: DefaultLetters}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := parseEvents("kind=alert,block&kind=alert"); err != nil || len(got.Kinds) != 2 || got.Limit != DefaultLimit {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWrongQueries(t *testing.T) {
	tuples := func(raw string) error { _, err := parseTupleQuery(raw); return err }
	blocks := func(raw string) error { _, err := parseBlockQuery(raw); return err }
	events := func(raw string) error { _, err := parseEvents(raw); return err }
	for _, tt := range []struct {
		parse     func(string) error
		raw, want string
	}{
		{tuples, "lable=x", `"lable": unknown parameter; known here: match, host, label,`},
		{tuples, "limit=100001", `limit: "100001" is not allowed; use 0 to 100000`},
		{tuples, "limit=-1", `use 0 to 100000`},
		{tuples, "limit=1e3", `use 0 to 100000`},
		{tuples, "limit=1&limit=2", `limit: given more than once`},
		{tuples, "match=[a", `match: "[a" is no pattern`},
		{tuples, "host=10.0.0.300", `host: "10.0.0.300" is not allowed; use an address`},
		{tuples, "host=10.0.0.5/24", `host: `},
		{tuples, "sort=size", `use last, flows, detections or score`},
		{tuples, "detected=maybe", `use true or false`},
		{tuples, "label=" + strings.Repeat("x", 513), `label: longer than 512 bytes`},
		{tuples, "match=%zz", `the parameters cannot be read`},
		{tuples, "a;b", `the parameters cannot be read`},
		{blocks, "state=gone", `use blocked, missing or would-block`},
		{events, "kind=alarm", `use alert, block, lift, feed, change or agent`},
		{events, "since=yesterday", `use RFC 3339`},
		{events, "limit=10001", `use 0 to 10000`},
	} {
		err := tt.parse(tt.raw)
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q in it", tt.raw, err, tt.want)
		}
	}
}

func FuzzQueries(f *testing.F) {
	f.Add("match=*&limit=5&sort=flows&host=10.0.0.0/8")
	f.Add("kind=alert,block&since=2026-03-01T12:00:00Z")
	f.Add("limit=99999999999999999999&%00;=")
	f.Fuzz(func(t *testing.T, raw string) {
		if q, err := parseTupleQuery(raw); err != nil && q != (TupleQuery{}) {
			t.Fatal("an error and a query")
		} else if err == nil {
			if again, err := parseTupleQuery(q.encode()); err != nil || again != q {
				t.Fatalf("%q: %+v became %+v: %v", raw, q, again, err)
			}
		}
		if q, err := parseBlockQuery(raw); err != nil && q != (BlockQuery{}) {
			t.Fatal("an error and a query")
		}
		if q, err := parseEvents(raw); err == nil {
			if len(q.Kinds) > len(kinds) || q.Limit < 1 || q.Limit > MaxEvents {
				t.Fatalf("%q: %+v", raw, q)
			}
			if _, err := newFilter(q); err != nil {
				t.Fatalf("%q: %v", raw, err)
			}
		}
	})
}

func FuzzBodies(f *testing.F) {
	f.Add(`10.0.0.5-203.0.113.9-443-tcp`, "1h", int64(0), "why")
	f.Fuzz(func(t *testing.T, tuple, duration string, ns int64, comment string) {
		r, err := blockBody{Tuple: tuple, Duration: duration, DurationNS: time.Duration(ns), Comment: comment}.request()
		if err == nil && r.Duration != 0 && (r.Duration < leastBlock || r.Duration > mostBlock) {
			t.Fatalf("a block for %v", r.Duration)
		}
		now := time.Unix(1_700_000_000, 0)
		if a, err := (allowBody{Network: tuple, Comment: comment, Duration: duration}).allow(now); err == nil {
			if _, err := ParseNetwork(a.Network); err != nil {
				t.Fatalf("%q: %v", a.Network, err)
			}
			if !a.Until.IsZero() && !a.Until.After(now) {
				t.Fatal("over already")
			}
		}
	})
}
