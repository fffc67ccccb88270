package report

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// book is a receiver that notes what it got. It stands in where the receiver is
// not what is tested; each real one has tests of its own.
type book struct {
	mu    sync.Mutex
	got   []item
	err   error
	block chan struct{} // not nil: nothing is taken until it is closed
}

func (b *book) deliver(ctx context.Context, it *item) error {
	if b.block != nil {
		select {
		case <-b.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return b.err
	}
	b.got = append(b.got, *it)
	return nil
}

func (b *book) close() {}

func (b *book) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *book) texts() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for i := range b.got {
		switch it := &b.got[i]; {
		case it.event != nil:
			all = append(all, it.text())
		case it.stats != nil:
			all = append(all, "stats")
		default:
			all = append(all, fmt.Sprint("flows ", len(it.flows)))
		}
	}
	return all
}

// withBooks makes a reporter whose outputs are books.
func withBooks(t *testing.T, limit LimitConfig, specs map[string]spec, books map[string]*book) *Reporter {
	t.Helper()
	r := testReporter(t, func(c *Config) { c.Limit = limit }, testOptions(t))
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		s := specs[name]
		s.name = name
		o := newOutput(s, books[name], newCounters(), r.opt.Log)
		o.start(nil)
		r.outputs = append(r.outputs, o)
	}
	return r
}

func said(kind history.Kind, tuple argusfeed.Tuple, text string) history.Event {
	e := testEvent(kind, tuple)
	e.Text = text
	return e
}

func TestStuckOutputHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck, other := &book{block: make(chan struct{})}, &book{}
		s := spec{kinds: allKinds, queue: 16, workers: 1}
		r := withBooks(t, noLimit, map[string]spec{"a": s, "b": {kinds: allKinds, queue: 1000, workers: 1}}, map[string]*book{"a": stuck, "b": other})
		const n = 100
		for range n {
			r.Event(testEvent(history.KindBlock, usualTuple(t)))
		}
		synctest.Wait()
		time.Sleep(stuckAfter + time.Second)
		a, b := r.Outputs()[0], r.Outputs()[1]
		if b.Sent != n || b.Dropped != 0 || !b.Failing.IsZero() {
			t.Errorf("the other: %+v", b)
		}
		// One is in hand; 16 wait, or 15 where that one was taken after all came.
		if a.Dropped+uint64(a.Waiting)+1 != n || a.Waiting < 15 || a.Sent != 0 || a.Failing.IsZero() || a.Error == "" {
			t.Errorf("the stuck one: %+v", a)
		}
		if d := cmp.Diff([]status.Queue{{Name: "a", Len: a.Waiting, Cap: 16}, {Name: "b", Cap: 1000}}, r.Queues()); d != "" {
			t.Error(d)
		}
		close(stuck.block)
		synctest.Wait()
		if a := r.Outputs()[0]; a.Sent != n-a.Dropped || !a.Failing.IsZero() {
			t.Errorf("not stuck any more: %+v", a)
		}
		mustClose(t, r)
	})
}

func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &book{block: make(chan struct{})}
		r := withBooks(t, noLimit, map[string]spec{"a": {kinds: allKinds, queue: 16, workers: 1}}, map[string]*book{"a": stuck})
		for range 3 {
			r.Event(testEvent(history.KindBlock, usualTuple(t)))
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := r.Close(ctx); err == nil {
			t.Error("nothing said of what was lost")
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		if o := only(t, r); o.Dropped != 3 {
			t.Errorf("%+v", o)
		}
		r.Event(testEvent(history.KindBlock, usualTuple(t))) // ignored
		mustClose(t, r)
	})
}

func TestRetriesUntilItArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{err: errors.New("away")}
		once := &book{err: errors.New("away")}
		hopeless := &book{err: lost{errors.New("too long")}}
		s := spec{kinds: allKinds, queue: 16, workers: 1}
		tried := s
		tried.tries = 1
		r := withBooks(t, noLimit, map[string]spec{"a": s, "b": tried, "c": s}, map[string]*book{"a": b, "b": once, "c": hopeless})
		r.Event(said(history.KindLift, usualTuple(t), "one"))
		r.Event(said(history.KindLift, usualTuple(t), "two"))
		time.Sleep(time.Hour)
		all := r.Outputs()
		if all[0].Retried < 100 || all[0].Retried > 3600 || all[0].Error != "away" || all[0].Failing.IsZero() || all[0].Waiting != 1 {
			t.Errorf("%+v", all[0])
		}
		if all[1].Dropped != 2 || all[2].Dropped != 2 || all[1].Retried+all[2].Retried != 0 {
			t.Errorf("%+v", all[1:])
		}
		b.fail(nil)
		time.Sleep(retryMost)
		if d := cmp.Diff([]string{"one", "two"}, b.texts()); d != "" {
			t.Error(d)
		}
		if o := r.Outputs()[0]; o.Sent != 2 || o.Error != "" || !o.Failing.IsZero() {
			t.Errorf("%+v", o)
		}
		mustClose(t, r)
	})
}

func TestLimitByTuple(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		r := withBooks(t, LimitConfig{Burst: 2, Every: time.Minute, MaxTuples: 16},
			map[string]spec{"a": {kinds: allKinds, queue: 100, workers: 1}}, map[string]*book{"a": b})
		tuple, other := usualTuple(t), testTuple(t, "192.0.2.8", "203.0.113.9", "443", "tcp")
		began := time.Now().UTC().Format(time.RFC3339)
		for i := range 5 {
			r.Event(said(history.KindAlert, tuple, fmt.Sprint("alert ", i)))
			r.Event(said(history.KindBlock, tuple, fmt.Sprint("block ", i)))
			r.Event(said(history.KindLift, tuple, fmt.Sprint("lift ", i)))
		}
		r.Event(said(history.KindAlert, other, "another"))
		synctest.Wait()
		want := []string{"alert 0", "block 0", "lift 0", "alert 1", "block 1", "lift 1", "block 2", "lift 2", "block 3", "lift 3", "block 4", "lift 4", "another"}
		if d := cmp.Diff(want, b.texts()); d != "" {
			t.Error(d)
		}
		if o := only(t, r); o.Limited != 3 {
			t.Errorf("%d limited, want 3", o.Limited)
		}
		time.Sleep(time.Minute + tickEvery) // the newest is told for all of them
		want = append(want, "alert 4 (2 more since "+began+")")
		if d := cmp.Diff(want, b.texts()); d != "" {
			t.Error(d)
		}
		r.Event(said(history.KindAlert, tuple, "soon after")) // the token was used
		mustClose(t, r)
		if d := cmp.Diff(append(want, "soon after"), b.texts()); d != "" { // what is held back at the end is told
			t.Error(d)
		}
	})
}

func TestLimitTableIsBounded(t *testing.T) {
	l := newLimiter(LimitConfig{Burst: 1, Every: time.Minute, MaxTuples: 16})
	var out []item
	for i := range 100 {
		tuple := testTuple(t, fmt.Sprintf("192.0.2.%d", i+1), "203.0.113.9", "443", "tcp")
		for range 3 {
			e := testEvent(history.KindAlert, tuple)
			_, _, told := l.allow(tuple, &e, testTime)
			out = append(out, told...)
		}
	}
	if len(l.tuples) != 16 || l.order.Len() != 16 || l.evicted != 84 || len(out) != 84 || out[0].held.Count != 1 {
		t.Errorf("%d tuples, %d in order, %d evicted, %d told", len(l.tuples), l.order.Len(), l.evicted, len(out))
	}
	if rest := l.rest(); len(rest) != 16 {
		t.Errorf("%d left", len(rest))
	}
	l.due(testTime.Add(time.Hour))
	if len(l.tuples) != 0 {
		t.Errorf("%d tuples are still known after an hour", len(l.tuples))
	}
}

func TestFlows(t *testing.T) {
	tuple, other := usualTuple(t), testTuple(t, "192.0.2.8", "203.0.113.9", "443", "tcp")
	a, grown, b := testFlow(tuple), testFlow(tuple), testFlow(other)
	grown.Part = argusfeed.PartGrown
	batch := []argusfeed.Flow{a, grown, b}
	found := []detection.Detection{*testDetection(tuple)}
	for _, tt := range []struct {
		flows EVEFlows
		found []detection.Detection
		want  []argusfeed.Flow
	}{
		{EVEFlowsNone, found, nil},
		{EVEFlowsDetected, nil, nil},
		{EVEFlowsDetected, found, []argusfeed.Flow{a, grown}},
		{EVEFlowsAll, nil, []argusfeed.Flow{a, b}},
	} {
		t.Run(fmt.Sprint(tt.flows, len(tt.found)), func(t *testing.T) {
			cfg := EVEConfig{Path: "/x", Flows: tt.flows}
			r := &Reporter{}
			r.flows.Store(int32(cfg.mode()))
			o := newOutput(spec{flows: 10}, &book{}, newCounters(), nil)
			r.outputs = []*output{o}
			r.Flows(batch, tt.found)
			var got []argusfeed.Flow
			select {
			case it := <-o.bulk:
				got = it.flows
			default:
			}
			if d := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b argusfeed.Flow) bool { return a == b })); d != "" {
				t.Error(d)
			}
		})
	}
	if (EVEConfig{Flows: EVEFlowsAll}).mode() != flowsNone {
		t.Error("flows are copied for an output that is off")
	}
}

// Flows cannot push out events, and what waits of them is bounded.
func TestFlowsWaitApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := &book{block: make(chan struct{})}
		r := withBooks(t, noLimit, map[string]spec{"a": {kinds: allKinds, queue: 16, workers: 1, flows: 10, stats: true}}, map[string]*book{"a": stuck})
		r.flows.Store(int32(flowsAll))
		batch := []argusfeed.Flow{testFlow(usualTuple(t)), testFlow(usualTuple(t)), testFlow(usualTuple(t))}
		for range 10 {
			r.Flows(batch, nil)
			synctest.Wait()
		}
		r.Event(said(history.KindLift, usualTuple(t), "lift"))
		r.Stats(testStatus())
		o := only(t, r)
		if o.Dropped != 18 || o.Waiting != 9+2 { // 3 are in hand, 9 wait
			t.Errorf("%+v", o)
		}
		close(stuck.block)
		synctest.Wait()
		if d := cmp.Diff([]string{"flows 3", "lift", "stats", "flows 3", "flows 3", "flows 3"}, stuck.texts()); d != "" {
			t.Error(d)
		}
		mustClose(t, r)
	})
}

func TestFlowsThatNobodyWantsCostNothing(t *testing.T) {
	r := testReporter(t, func(*Config) {}, testOptions(t))
	batch := make([]argusfeed.Flow, 100)
	found := []detection.Detection{*testDetection(usualTuple(t))}
	if n := testing.AllocsPerRun(100, func() { r.Flows(batch, found) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if r.StatsEvery() != 0 {
		t.Error("statistics are wanted by nobody")
	}
}

// noLimit holds nothing back.
var noLimit = LimitConfig{Every: time.Minute, MaxTuples: 16}

// The cost of telling for the one who tells, with an output that is stuck.
func BenchmarkEvent(b *testing.B) {
	r := &Reporter{limit: newLimiter(DefaultLimitConfig())}
	for range 7 {
		o := newOutput(spec{kinds: allKinds, queue: 16}, &book{}, newCounters(), slog.New(slog.DiscardHandler))
		r.outputs = append(r.outputs, o)
	}
	e := testEvent(history.KindBlock, usualTuple(b))
	b.ReportAllocs()
	for b.Loop() {
		r.Event(e)
	}
}

// Flows that are told, written to a file; and those that nobody wants.
func BenchmarkFlows(b *testing.B) {
	batch := make([]argusfeed.Flow, 256)
	for i := range batch {
		batch[i] = testFlow(usualTuple(b))
	}
	found := []detection.Detection{*testDetection(usualTuple(b))}
	for _, flows := range []EVEFlows{EVEFlowsNone, EVEFlowsDetected, EVEFlowsAll} {
		b.Run(string(flows), func(b *testing.B) {
			r := testReporter(b, func(c *Config) {
				c.EVE.Path, c.EVE.Flows, c.EVE.MaxSize = filepath.Join(b.TempDir(), "eve.json"), flows, 1<<26
			}, testOptions(b))
			for b.Loop() {
				r.Flows(batch, found)
				for r.Outputs()[0].Waiting > 32768 {
					runtime.Gosched()
				}
			}
			b.StopTimer()
			mustClose(b, r)
			if o := r.Outputs()[0]; o.Dropped > 0 {
				b.Errorf("%+v", o)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(batch)), "ns/flow")
		})
	}
}
