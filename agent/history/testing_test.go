package history

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// start is when the tests begin.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var sameTuple = cmp.Comparer(func(a, b argusfeed.Tuple) bool { return a == b })

// testClock is a clock that a test sets while the store reads it.
type testClock struct{ ns atomic.Int64 }

func newClock() *testClock {
	c := new(testClock)
	c.set(start)
	return c
}

func (c *testClock) set(t time.Time) { c.ns.Store(t.UnixNano()) }
func (c *testClock) now() time.Time  { return time.Unix(0, c.ns.Load()).UTC() }

// said is how a store says that it is, for [testenv.Until].
func said(s *Store) func() string {
	return func() string { return fmt.Sprintf("%+v", s.Status()) }
}

// testStore opens a store that nothing is removed from, unless opt says so.
func testStore(tb testing.TB, opt Options) *Store {
	tb.Helper()
	if opt.Path == "" {
		opt.Path = filepath.Join(tb.TempDir(), "state", "history.db")
	}
	if opt.Now == nil {
		opt.Now = func() time.Time { return start }
	}
	s, err := Open(opt)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

func flush(tb testing.TB, s *Store) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Flush(ctx); err != nil {
		tb.Fatal(err)
	}
}

func newID(tb testing.TB) string {
	tb.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		tb.Fatal(err)
	}
	return id.String()
}

func testTuple(tb testing.TB, text string) argusfeed.Tuple {
	tb.Helper()
	t, err := argusfeed.ParseTuple(text)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func testDetection(tb testing.TB, tuple, label string) detection.Detection {
	return detection.Detection{
		Tuple: testTuple(tb, tuple), Label: label, Model: "cc.toml", Scorer: string(detection.ScoringBehaviour),
		Score: 0.97, Threshold: 0.5, Letters: "88*y*y*H*h*h*h*h*y*y*", Flows: 14,
		Time: argusfeed.TimeOf(start), Window: argusfeed.TimeOf(start), Source: 1, Why: "regular: every 60 s",
		Behaviour: "beacon", Gap: time.Minute,
	}
}

// testAlert is an event as the agent makes it; n makes it one of its own.
func testAlert(tb testing.TB, n int, tuple, label string) Event {
	d := testDetection(tb, tuple, label)
	id := newID(tb)
	return Event{
		ID: id, Time: start.Add(time.Duration(n) * time.Second), Kind: KindAlert, Mode: "dry-run",
		Text:      fmt.Sprintf("alert %d: %s", n, tuple),
		Detection: &d,
		Decision: &policy.Decision{
			ID: id, Time: argusfeed.TimeOf(start), Tuple: d.Tuple, Action: policy.ActionAlert, Rule: "unsure",
			Cause: policy.CauseRule, Reason: "matches it with probability 0.97 (threshold 0.5) after 14 flows",
			Label: label, Score: d.Score, Threshold: d.Threshold, Flows: 14, Matches: 2, Since: argusfeed.TimeOf(start),
		},
	}
}

// testBlock is an event that begins a block of an hour.
func testBlock(tb testing.TB, n int, tuple string) Event {
	e := testAlert(tb, n, tuple, "From-Botnet-TCP-HTTP-CC-1")
	e.Kind = KindBlock
	e.Decision.Action, e.Decision.Scope, e.Decision.Duration = policy.ActionBlock, policy.ScopeTuple, time.Hour
	b, _ := e.Decision.Block()
	e.Block = &Block{Block: b, Since: e.Time, Until: e.Time.Add(time.Hour)}
	return e
}

func lift(tb testing.TB, at time.Time, b Event, why End) Event {
	block := *b.Block
	block.Until, block.End = at, why
	return Event{ID: newID(tb), Time: at, Kind: KindLift, Mode: "enforce", Text: "lifted", Block: &block}
}

// logText is a log that a test reads while it is written.
type logText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logText) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func ids(events []Event) []string {
	all := []string{}
	for _, e := range events {
		all = append(all, e.ID)
	}
	return all
}
