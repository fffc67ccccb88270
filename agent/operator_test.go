package agent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

var root = history.Who{User: "root", PID: 1}

// running runs an agent in dry-run with a history until the test ends. Its
// flows are detected and decided before it is given.
func running(t testing.TB, change func(*Config), load func() (Config, error), flows ...argusfeed.Flow) (operator, *logBook) {
	t.Helper()
	taken := make(chan struct{})
	source := &fakeSource{name: "fake:", batches: [][]argusfeed.Flow{flows, nil}, lasts: true, after: func(n int) {
		if n == 2 {
			close(taken)
		}
	}}
	a, book, _ := testAgent(t, func(c *Config) {
		c.Agent.State = t.TempDir()
		if change != nil {
			change(c)
		}
	}, source)
	a.opt.Load = load
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error("the agent ended with", err)
		}
	})
	<-taken
	// Twice through the pipeline: then all that was sent has been taken and decided.
	for len(a.queues.Load().flows) > 0 {
		if err := a.progress(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := a.progress(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for len(a.queues.Load().detections) > 0 {
		if err := a.progress(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.progress(ctx); err != nil {
		t.Fatal(err)
	}
	return operator{a}, book
}

func (o operator) allTuples(ctx context.Context, q control.TupleQuery) (control.TupleList, error) {
	rows, err := o.Tuples(ctx, q)
	if err != nil {
		return control.TupleList{}, err
	}
	return rows.All(ctx)
}

func TestOperatorTuples(t *testing.T) {
	var flows []argusfeed.Flow
	for host := range byte(50) {
		flows = append(flows, beacon(host+1, 3+int(host), time.Minute)...)
	}
	o, _ := running(t, nil, nil, flows...)
	list := func(q control.TupleQuery) control.TupleList {
		t.Helper()
		got, err := o.allTuples(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := list(control.TupleQuery{Sort: control.SortFlows, Limit: 3, Offset: 1, Letters: 4})
	if got.Known != 50 || got.Matching != 50 || len(got.Tuples) != 3 {
		t.Fatalf("%d of %d, %d given", got.Matching, got.Known, len(got.Tuples))
	}
	for i, info := range got.Tuples {
		if want := uint64(51 - i); info.Flows != want || len(info.Letters) != 4 || !info.Cut {
			t.Errorf("%d: %+v, want %d flows and 4 letters", i, info, want)
		}
	}
	if got := list(control.TupleQuery{Host: "10.77.0.7"}); got.Matching != 1 || got.Tuples[0].Tuple != beaconTuple(7) {
		t.Errorf("of one host: %+v", got)
	}
	if got := list(control.TupleQuery{Host: "10.77.0.0/29"}); got.Matching != 7 {
		t.Errorf("of a network: %d", got.Matching)
	}
	if got := list(control.TupleQuery{Match: "10.77.0.1?-*-8443-TCP"}); got.Matching != 10 {
		t.Errorf("of a glob: %d", got.Matching)
	}
	if got := list(control.TupleQuery{MinFlows: 40}); got.Matching != 13 {
		t.Errorf("with 40 flows: %d", got.Matching)
	}
	detected := list(control.TupleQuery{Detected: true, Sort: control.SortScore, Limit: 100})
	if detected.Matching == 0 || detected.Matching == 50 {
		t.Fatalf("%d of 50 are detected: nothing is shown by that", detected.Matching)
	}
	for i, info := range detected.Tuples {
		if info.Label == "" || i > 0 && info.Score > detected.Tuples[i-1].Score {
			t.Errorf("%d: %+v", i, info)
		}
	}
	if got := list(control.TupleQuery{Label: "from-generic-*"}); got.Matching != detected.Matching {
		t.Errorf("of a label: %d, want %d", got.Matching, detected.Matching)
	}
	for _, wrong := range []control.TupleQuery{{Sort: "size"}, {Match: "[", Host: ""}, {Host: "here"}, {Label: "["}} {
		if _, err := o.allTuples(t.Context(), wrong); !errors.Is(err, control.ErrInvalid) {
			t.Errorf("%+v: %v", wrong, err)
		}
	}
}

// Of long lists one step is made at a time; short ones wait for none.
func TestLongListsWait(t *testing.T) {
	o, _ := running(t, nil, nil, beacon(1, 40, time.Minute)...)
	o.listing <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	waited := make(chan error, 1)
	go func() {
		_, err := o.allTuples(ctx, control.TupleQuery{Limit: longList + 1})
		waited <- err
	}()
	if l, err := o.allTuples(t.Context(), control.TupleQuery{Limit: longList}); err != nil || len(l.Tuples) != 1 || l.Matching != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	select {
	case err := <-waited:
		t.Fatalf("a second long list went on: %v", err)
	default:
	}
	cancel()
	if err := <-waited; !errors.Is(err, control.ErrUnavailable) {
		t.Error(err)
	}
	<-o.listing
	for range 2 {
		if l, err := o.allTuples(t.Context(), control.TupleQuery{Limit: longList + 1}); err != nil || len(l.Tuples) != 1 {
			t.Errorf("%+v, %v", l, err)
		}
	}
}

func TestOperatorBlocksByHand(t *testing.T) {
	o, book := running(t, nil, nil, append(beacon(9, 2, time.Minute), beacon(10, 2, time.Minute)...)...)
	tuple := beaconTuple(9)
	info, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: tuple, Duration: time.Hour, Comment: "it is mine"})
	if err != nil || info.State != enforce.StateWouldBlock || info.By == nil || !strings.Contains(info.Reason, "it is mine") {
		t.Fatalf("%+v, %v", info, err)
	}
	list, err := o.Blocks(t.Context(), control.BlockQuery{})
	if err != nil || list.Total != 1 || list.Blocks[0].ID != info.ID || !list.DryRun {
		t.Errorf("%+v, %v", list, err)
	}
	tuples, err := o.allTuples(t.Context(), control.TupleQuery{})
	if err != nil || len(tuples.Tuples) != 2 {
		t.Fatalf("%+v, %v", tuples, err)
	}
	for _, row := range tuples.Tuples {
		if want := map[bool]enforce.State{true: enforce.StateWouldBlock}[row.Tuple == tuple]; row.Block != want {
			t.Errorf("%s: %q, want %q", row.Tuple, row.Block, want)
		}
	}
	loopback := tuple
	loopback.Dst = argusfeed.AddrFrom4([4]byte{127, 0, 0, 1})
	for _, force := range []bool{false, true} {
		if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: loopback, Duration: time.Hour, Force: force}); !errors.Is(err, control.ErrRefused) {
			t.Errorf("force %v: %v", force, err)
		}
	}
	if gone, err := o.RemoveBlock(t.Context(), root, tuple.String()); err != nil || gone.ID != info.ID {
		t.Errorf("%+v, %v", gone, err)
	}
	if _, err := o.RemoveBlock(t.Context(), root, info.ID); !errors.Is(err, control.ErrNotFound) {
		t.Error(err)
	}
	for host := range byte(5) {
		if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: beaconTuple(host + 1), Duration: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := o.FlushBlocks(t.Context(), root); err != nil || n != 5 || o.enforcer.Len() != 0 {
		t.Errorf("%d lifted, %v, %d left", n, err, o.enforcer.Len())
	}
	if n := len(book.find("block ended")); n != 6 {
		t.Errorf("%d ends were told, want 6", n)
	}
}

// The ends of many blocks are told no faster than the history can take them.
func TestOperatorFlushLosesNoEvent(t *testing.T) {
	const blocks = 1000
	o, _ := running(t, func(c *Config) { c.History.Queue = 100 }, nil)
	var list []policy.Block
	for i := range blocks {
		tuple := beaconTuple(byte(i))
		tuple.Port = argusfeed.PortNumber(uint16(i + 1))
		list = append(list, policy.Block{ID: eventID(), Tuple: tuple, Scope: policy.ScopeTuple, Duration: time.Hour, Label: "test"})
	}
	o.enforcer.Apply(list)
	if n, err := o.FlushBlocks(t.Context(), root); n != blocks || err != nil {
		t.Fatalf("%d lifted, %v", n, err)
	}
	if err := o.kept.history.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	page, err := o.Events(t.Context(), history.Query{Kinds: []history.Kind{history.KindLift}, Limit: 2 * blocks})
	if s := o.kept.history.Status(); err != nil || len(page.Events) != blocks || s.Lost != 0 {
		t.Errorf("%d ends are in the history, %d are lost, %v", len(page.Events), s.Lost, err)
	}
}

// An allow entry lifts what it covers at once, and keeps it from coming back.
func TestOperatorAllows(t *testing.T) {
	o, _ := running(t, nil, nil)
	tuple := beaconTuple(9)
	ask := func() error {
		_, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: tuple, Duration: time.Hour})
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	r, err := o.AddAllow(t.Context(), root, control.Allow{Network: "203.0.9.0/24", Comment: "a partner"})
	if err != nil || len(r.Lifted) != 1 || r.Lifted[0].Tuple != tuple || o.enforcer.Len() != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	// As it was, which docs/schema/block.json asks for.
	if b := r.Lifted[0]; b.State != enforce.StateWouldBlock || b.Since.IsZero() || b.Until.IsZero() || b.By == nil {
		t.Errorf("lifted %+v", b)
	}
	if err := ask(); !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), "a partner") {
		t.Error(err)
	}
	list, err := o.Allows(t.Context())
	if err != nil || list[0].Network != "203.0.9.0/24" || list[0].From != control.FromAllow || list[0].By != "root" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := o.RemoveAllow(t.Context(), root, "203.0.8.0/24"); !errors.Is(err, control.ErrNotFound) {
		t.Error(err)
	}
	if gone, err := o.RemoveAllow(t.Context(), root, "203.0.9.0/24"); err != nil || gone.Comment != "a partner" {
		t.Errorf("%+v, %v", gone, err)
	}
	if err := ask(); err != nil {
		t.Error("after it was removed:", err)
	}
	if _, err := o.AddAllow(t.Context(), root, control.Allow{Network: "203.0.9.9", Until: time.Now().Add(-time.Second)}); !errors.Is(err, control.ErrInvalid) {
		t.Error(err)
	}
	// One that ends lets blocks be made again without anybody's doing.
	if _, err := o.AddAllow(t.Context(), root, control.Allow{Network: "203.0.9.9", Until: time.Now().Add(200 * time.Millisecond)}); err != nil {
		t.Fatal(err)
	}
	if err := ask(); !errors.Is(err, control.ErrRefused) {
		t.Error(err)
	}
	testenv.Until(t, "the entry goes on after its end", func() bool { return ask() == nil })
}

func TestOperatorExplains(t *testing.T) {
	flows := append(beacon(1, 40, time.Minute), beacon(2, 2, time.Minute)...)
	o, _ := running(t, nil, nil, flows...)
	explain := func(tuple argusfeed.Tuple) control.Explanation {
		t.Helper()
		e, err := o.Explain(t.Context(), tuple)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := explain(beaconTuple(1))
	if e.Known == nil || e.Known.Flows != 40 || e.Judgement == nil || !e.Judgement.Malicious || len(e.Judgement.For) == 0 {
		t.Errorf("%+v", e)
	}
	if e.Block == nil || !strings.HasPrefix(e.Verdict, "Would be blocked until ") || !strings.Contains(e.Verdict, "dry-run") {
		t.Errorf("the verdict is %q, the block %+v", e.Verdict, e.Block)
	}
	e = explain(beaconTuple(2))
	if e.Judgement == nil || e.Judgement.Missing == "" || !strings.HasPrefix(e.Verdict, "Not blocked: not detected yet: ") {
		t.Errorf("the verdict is %q, %+v", e.Verdict, e.Judgement)
	}
	if _, err := o.Explain(t.Context(), beaconTuple(3)); !errors.Is(err, control.ErrNotFound) {
		t.Error(err)
	}
	// What keeps it from being blocked is said.
	if _, err := o.AddAllow(t.Context(), root, control.Allow{Network: "203.0.113.9", Comment: "a partner"}); err != nil {
		t.Fatal(err)
	}
	e = explain(beaconTuple(1))
	if e.Block != nil || !strings.Contains(e.Protected, "a partner") || !strings.Contains(e.Verdict, "a partner") {
		t.Errorf("the verdict is %q, protected: %q", e.Verdict, e.Protected)
	}
}

func TestOperatorWithoutDetection(t *testing.T) {
	o, _ := running(t, func(c *Config) { c.Agent.Mode = ModeDetectOff }, nil, beacon(1, 5, time.Minute)...)
	if _, err := o.Blocks(t.Context(), control.BlockQuery{}); !errors.Is(err, control.ErrUnavailable) {
		t.Error(err)
	}
	if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: beaconTuple(1)}); !errors.Is(err, control.ErrUnavailable) {
		t.Error(err)
	}
	if list, err := o.allTuples(t.Context(), control.TupleQuery{}); err != nil || list.Known != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if e, err := o.Explain(t.Context(), beaconTuple(1)); err != nil || e.Judgement != nil || !strings.Contains(e.Verdict, "detect-off") {
		t.Errorf("%+v, %v", e, err)
	}
	if s := o.Status(); s.Mode != "detect-off" || len(s.Problems) > 0 {
		t.Errorf("%+v", s.Problems)
	}
}

func TestOperatorEvents(t *testing.T) {
	o, _ := running(t, nil, nil, beacon(1, 40, time.Minute)...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	follow, err := o.Follow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.AddAllow(ctx, root, control.Allow{Network: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
	if e := <-follow; e.Kind != history.KindChange || e.By == nil || e.By.User != "root" {
		t.Errorf("%+v", e)
	}
	// The history has it all: what was alerted, blocked and changed.
	if err := o.kept.history.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	page, err := o.Events(ctx, history.Query{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[history.Kind]int{}
	for _, e := range page.Events {
		kinds[e.Kind]++
		if e.Kind == history.KindBlock && (e.Decision == nil || e.Detection == nil || e.Block == nil || !e.Block.DryRun) {
			t.Fatalf("a block without its grounds: %+v", e)
		}
	}
	if kinds[history.KindBlock] != 1 || kinds[history.KindAlert] < 1 || kinds[history.KindAgent] != 1 || kinds[history.KindChange] != 1 {
		t.Errorf("the history has %v", kinds)
	}
}

func TestStatus(t *testing.T) {
	o, _ := running(t, nil, nil, beacon(1, 40, time.Minute)...)
	testenv.Until(t, "all flows are counted", func() bool { return o.Status().Detection.Flows >= 40 })
	s := o.Status()
	if s.Detection.Flows != 40 || s.Detection.Tuples != 1 || s.Detection.Scoring != string(detection.ScoringBehaviour) || s.Detection.Models < 20 {
		t.Errorf("%+v", s.Detection)
	}
	var n uint64
	for _, label := range s.Detection.Labels {
		n += label
	}
	if n == 0 || n != s.Detection.Detections {
		t.Errorf("labels %v, detections %d", s.Detection.Labels, s.Detection.Detections)
	}
	if s.Policy.Blocks != 1 || s.Policy.Tracked != 1 || s.Policy.Protected == 0 || len(s.Policy.Decisions) < 2 {
		t.Errorf("%+v", s.Policy)
	}
	if !s.Enforce.DryRun || s.Enforce.Wanted != 1 || s.Enforce.Enforced != 0 || s.History.Path == "" || s.Memory.Resident == 0 {
		t.Errorf("%+v, %+v, %+v", s.Enforce, s.History, s.Memory)
	}
	if len(s.Feeds) != 1 || s.Config.Loaded.IsZero() || s.Worst() != "" {
		t.Errorf("%+v, %+v, %+v", s.Feeds, s.Config, s.Problems)
	}
}

// What is said of a block is what the kernel has.
func TestBlockText(t *testing.T) {
	until := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for state, want := range map[enforce.State]string{
		enforce.StateBlocked:    "Blocked until 2026-03-01T12:00:00Z: it beacons.",
		enforce.StateMissing:    "To be blocked until 2026-03-01T12:00:00Z, but not in the kernel, so it passes: it beacons.",
		enforce.StateWouldBlock: "Would be blocked until 2026-03-01T12:00:00Z: it beacons. The agent runs in dry-run mode: it drops nothing.",
	} {
		if got := blockText(&control.BlockInfo{State: state, Until: until, Reason: "it beacons"}); got != want {
			t.Errorf("%s: %q", state, got)
		}
	}
}
