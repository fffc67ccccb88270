package detection

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// TestReferenceSlots: what starts at the very end of a slot or before it is
// lost, and the opening flow is not counted as a connection.
func TestReferenceSlots(t *testing.T) {
	a, b := tupleOf(t, "198.51.100.7", "443", "tcp"), tupleOf(t, "198.51.100.8", "443", "tcp")
	var events, windows []string
	d := newDetector(t, referenceConfig(time.Minute), nil, Hooks{
		OnStep: func(s *Step) { events = append(events, string(s.Event)+s.Reason) },
		OnWindow: func(w Window) {
			windows = append(windows, fmt.Sprintf("%v+%d: %d flows, %d tuples, %d connections", w.Start.Sub(day), (w.End-w.Start)/1e6, w.Flows, w.Tuples, w.Connections))
		},
	})
	d.Observe([]argusfeed.Flow{
		at(a, 10*time.Second), at(b, 10*time.Second), at(b, 9*time.Second), at(a, 70*time.Second),
		at(a, 70*time.Second+time.Microsecond), at(b, 69*time.Second), at(b, 80*time.Second), at(a, 1000*time.Hour),
	})
	d.Finish()
	if diff := cmp.Diff([]string{"flow", "flow", "droppedlate", "droppededge", "flow_new_slot", "droppedlate", "flow", "flow_new_slot", "final"}, events); diff != "" {
		t.Error(diff)
	}
	want := []string{"10s+60: 2 flows, 2 tuples, 2 connections", "1m10.000001s+60: 2 flows, 2 tuples, 1 connections", "1000h0m0s+60: 1 flows, 1 tuples, 0 connections"}
	if diff := cmp.Diff(want, windows); diff != "" {
		t.Error(diff)
	}
}

// TestForgetting: 100 flows stay, 101 go, at the end of the window.
func TestForgetting(t *testing.T) {
	a, b := tupleOf(t, "198.51.100.7", "443", "tcp"), tupleOf(t, "198.51.100.8", "443", "tcp")
	var forgotten []argusfeed.Tuple
	d := newDetector(t, referenceConfig(time.Minute), nil, Hooks{OnWindow: func(w Window) { forgotten = append(forgotten, w.Forgotten...) }})
	d.Observe(beat(a, 0, 100*time.Millisecond, 101))
	d.Observe(beat(b, 11*time.Second, 100*time.Millisecond, 100))
	d.Observe([]argusfeed.Flow{at(b, 2*time.Minute), at(a, 2*time.Minute)})
	if diff := cmp.Diff([]string{a.String()}, []string{fmt.Sprint(forgotten[0])}); diff != "" || len(forgotten) != 1 {
		t.Errorf("forgotten %v", forgotten)
	}
	got := map[string]uint64{}
	for i := range d.Tuples() {
		got[i.Tuple.String()] = i.Flows
	}
	if diff := cmp.Diff(map[string]uint64{a.String(): 1, b.String(): 101}, got); diff != "" {
		t.Error(diff)
	}
	if s := d.Stats(); s.Forgotten != 1 {
		t.Errorf("%+v", s)
	}
}

// clockFlow is a flow of one of two tuples at some time after day.
type clockFlow struct {
	tuple  int
	after  time.Duration
	source uint16
}

func repeat(n int, f clockFlow, gap time.Duration) []clockFlow {
	var all []clockFlow
	for i := range n {
		all = append(all, clockFlow{f.tuple, f.after + time.Duration(i)*gap, f.source})
	}
	return all
}

// TestClock is about records whose time is not that of the others.
func TestClock(t *testing.T) {
	const h, m, s = time.Hour, time.Minute, time.Second
	const years = 10 * 365 * 24 * h
	tuples := []argusfeed.Tuple{tupleOf(t, "198.51.100.7", "443", "tcp"), tupleOf(t, "198.51.100.8", "443", "tcp")}
	for _, c := range []struct {
		name  string
		flows [][]clockFlow
		want  Stats // without Flows, Tuples and Windows
		taken int
	}{
		{"in order", [][]clockFlow{repeat(50, clockFlow{}, m)}, Stats{}, 50},
		{"one from the future", [][]clockFlow{repeat(50, clockFlow{}, m), {{1, years, 0}}, repeat(50, clockFlow{after: 50 * m}, m)}, Stats{Future: 1}, 100},
		{"one from the future, last of all", [][]clockFlow{repeat(50, clockFlow{}, m), {{1, years, 0}}}, Stats{}, 51},
		{"one from the future, first of all", [][]clockFlow{{{1, years, 0}}, repeat(299, clockFlow{}, m)}, Stats{SetBack: 1}, 300},
		{"one from the past, first of all", [][]clockFlow{{{1, -years, 0}}, repeat(50, clockFlow{}, m), {{1, -years, 0}}, repeat(5, clockFlow{after: h}, m)}, Stats{Late: 1}, 56},
		{"two from the future", [][]clockFlow{repeat(50, clockFlow{}, m), repeat(2, clockFlow{1, years, 0}, m), repeat(50, clockFlow{after: 50 * m}, m)}, Stats{Late: 2, SetBack: 1}, 100},
		{"a silent night", [][]clockFlow{repeat(50, clockFlow{}, m), repeat(50, clockFlow{after: 10 * h}, m)}, Stats{}, 100},
		{"nothing but a flow every two hours", [][]clockFlow{repeat(50, clockFlow{}, 2*h)}, Stats{}, 50},
		{"a clock set back for good", [][]clockFlow{repeat(200, clockFlow{}, s), repeat(200, clockFlow{after: -2 * h}, s)}, Stats{Late: 99, SetBack: 1}, 301},
		{"late, but not too late", [][]clockFlow{repeat(50, clockFlow{}, m), {{1, 0, 0}, {1, 10 * m, 0}}}, Stats{}, 52},
		{"out of order in the tuple", [][]clockFlow{repeat(50, clockFlow{}, m), {{0, 10 * m, 0}}}, Stats{Unsorted: 1}, 51},
		{"too late", [][]clockFlow{repeat(90, clockFlow{}, m), {{1, 28 * m, 0}}}, Stats{Late: 1}, 90},
		{"two sources, two time zones", [][]clockFlow{{{0, 0, 0}, {1, 2 * h, 1}, {0, m, 0}, {1, 2*h + m, 1}, {0, 2 * m, 0}, {1, 2*h + 2*m, 1}}}, Stats{}, 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := DefaultConfig()
			steps, starts := 0, []argusfeed.Time{}
			d := newDetector(t, cfg, nil, Hooks{
				OnStep: func(s *Step) {
					if s.Event == EventFlow || s.Event == EventNewSlot {
						steps++
					}
				},
				OnWindow: func(w Window) { starts = append(starts, w.Start) },
			})
			for _, f := range slices.Concat(c.flows...) {
				flow := at(tuples[f.tuple], f.after)
				flow.Source = f.source
				d.Observe([]argusfeed.Flow{flow})
			}
			d.Finish()
			got := d.Stats()
			got.Flows, got.Tuples, got.Windows = 0, 0, 0
			if diff := cmp.Diff(c.want, got); diff != "" || steps != c.taken {
				t.Errorf("%d taken, want %d; %s", steps, c.taken, diff)
			}
			back := 0
			for i := 1; i < len(starts); i++ {
				if starts[i] < starts[i-1] {
					back++
				}
			}
			if back != int(c.want.SetBack) {
				t.Errorf("the windows went back %d times: %v", back, starts)
			}
		})
	}
}

// TestUnsortedMakesNoLetters, on the default path.
func TestUnsortedMakesNoLetters(t *testing.T) {
	a := tupleOf(t, "198.51.100.7", "443", "tcp")
	sorted, mixed := newDetector(t, DefaultConfig(), nil, Hooks{}), newDetector(t, DefaultConfig(), nil, Hooks{})
	flows := beat(a, 0, 10*time.Second, 20)
	sorted.Observe(flows)
	for i, f := range flows {
		mixed.Observe([]argusfeed.Flow{f})
		if i > 0 {
			mixed.Observe([]argusfeed.Flow{at(a, time.Duration(i)*time.Second)})
		}
	}
	var got, want TupleInfo
	for i := range sorted.Tuples() {
		want = i
	}
	for i := range mixed.Tuples() {
		got = i
	}
	if got.Letters != want.Letters || got.Flows != 39 || mixed.Stats().Unsorted != 19 {
		t.Errorf("%+v, want the letters of %+v", got, want)
	}
}

func TestExpire(t *testing.T) {
	a := tupleOf(t, "198.51.100.7", "443", "tcp")
	for _, scoring := range []Scoring{ScoringReference, ScoringBehaviour} {
		cfg := DefaultConfig()
		cfg.Scoring = scoring
		ended := 0
		d := newDetector(t, cfg, nil, Hooks{OnWindow: func(Window) { ended++ }})
		d.Observe(beat(a, 0, time.Second, 3))
		d.Expire(day.Add(time.Minute))
		if ended != 0 {
			t.Errorf("%s: the window ended too early", scoring)
		}
		d.Expire(day.Add(time.Minute + time.Second))
		d.Expire(day.Add(time.Hour))
		if ended != 1 {
			t.Errorf("%s: %d windows ended", scoring, ended)
		}
		// Argus tells of it late: it still counts.
		d.Observe(beat(a, 50*time.Second, time.Second, 1))
		d.Finish()
		if s := d.Stats(); ended != 2 || s.Dropped() != 0 {
			t.Errorf("%s: %d windows, %+v", scoring, ended, s)
		}
	}
	d := newDetector(t, DefaultConfig(), nil, Hooks{})
	d.Observe(append(beat(a, 0, time.Second, 3), at(a, 5*time.Hour)))
	if s := d.Stats(); s.Held != 1 {
		t.Errorf("%+v", s)
	}
	d.Expire(day.Add(5 * time.Hour))
	if s := d.Stats(); s.Held != 0 || s.Future != 0 {
		t.Errorf("after time has passed: %+v", s)
	}
}

func TestMaxTuples(t *testing.T) {
	beacon := tupleOf(t, "203.0.113.9", "443", "tcp")
	cfg := DefaultConfig()
	cfg.MaxTuples = 64
	d := newDetector(t, cfg, []models.Model{beaconModel("10.toml")}, Hooks{})
	found := 0
	for i := range 40 {
		for k := range 30 {
			scan := tupleFrom(t, "10.0.0.6", fmt.Sprintf("198.51.%d.%d", i, k), "80", "tcp")
			d.Observe([]argusfeed.Flow{at(scan, time.Duration(i)*time.Minute)})
			if n := d.Stats().Tuples; n > 64 {
				t.Fatalf("%d tuples", n)
			}
		}
		found += len(d.Observe([]argusfeed.Flow{at(beacon, time.Duration(i)*time.Minute)}))
	}
	if s := d.Stats(); found != 36 || s.Evicted != 40*30+1-64 {
		t.Errorf("%d detections, %+v", found, s)
	}
	// Tuples with several flows leave room for new ones.
	d = newDetector(t, cfg, nil, Hooks{})
	for i := range 100 {
		d.Observe(beat(tupleFrom(t, "10.0.0.6", fmt.Sprintf("198.51.100.%d", i), "80", "tcp"), 0, time.Second, 2))
	}
	late := tupleFrom(t, "10.0.0.7", "198.51.100.1", "80", "tcp")
	d.Observe([]argusfeed.Flow{at(late, 3*time.Second)})
	for i := range 10 {
		d.Observe([]argusfeed.Flow{at(tupleFrom(t, "10.0.0.8", fmt.Sprintf("198.51.100.%d", i), "80", "tcp"), 3*time.Second)})
	}
	if d.tuples.find(&late, late.Hash(d.tuples.seed)) == nil {
		t.Error("a new tuple was forgotten at once")
	}
}

func TestMaxLetters(t *testing.T) {
	a := tupleOf(t, "198.51.100.7", "443", "tcp")
	cfg := referenceConfig(24 * time.Hour)
	cfg.MaxLetters = 100
	d := newDetector(t, cfg, letterModels(), Hooks{})
	most, detections := 0, 0
	for _, f := range beat(a, 0, 10*time.Second, 500) {
		detections += len(d.Observe([]argusfeed.Flow{f}))
		for i := range d.Tuples() {
			most = max(most, len(i.Letters))
		}
	}
	if s := d.Stats(); most > 100 || most < 98 || s.Restarted != 9 || detections == 0 {
		t.Errorf("%d letters at most, %d detections, %+v", most, detections, s)
	}
	// A gap of centuries makes millions of zeros in the original.
	d.Observe([]argusfeed.Flow{at(a, 200_000*time.Hour)})
	for i := range d.Tuples() {
		if len(i.Letters) > 100 {
			t.Errorf("%d letters", len(i.Letters))
		}
	}

	d = newDetector(t, DefaultConfig(), nil, Hooks{})
	for i := range 1000 {
		d.Observe([]argusfeed.Flow{at(a, time.Duration(i)*2000*time.Hour)})
	}
	for i := range d.Tuples() {
		if len(i.Letters) > 2*letterTail || !i.Cut {
			t.Errorf("the default path keeps %d letters, cut %v", len(i.Letters), i.Cut)
		}
	}
}

// mixture makes flows of many kinds, some out of order.
func mixture(t testing.TB, n int) []argusfeed.Flow {
	var flows []argusfeed.Flow
	for i := range n {
		tuple := tupleFrom(t, "10.0.0.6", fmt.Sprintf("198.51.%d.%d", i/200%200, i%200), "80", "tcp")
		switch i % 10 {
		case 0, 1, 2:
			tuple = tupleOf(t, "203.0.113.9", "443", "tcp")
		case 3:
			tuple = tupleOf(t, "203.0.113.10", "53", "udp")
		}
		f := at(tuple, time.Duration(i)*1700*time.Millisecond-time.Duration(i%7)*time.Second)
		f.Bytes = uint64(i * 37 % 2000)
		f.Line = uint64(i)
		flows = append(flows, f)
	}
	return flows
}

// TestDeterminism: the same flows give the same trace and detections, however
// they are cut into batches, with hooks or without.
func TestDeterminism(t *testing.T) {
	flows := mixture(t, 5000)
	for _, set := range [][]models.Model{letterModels(), {beaconModel("10.toml")}} {
		run := func(batch int, hooked bool) (string, string) {
			var trace bytes.Buffer
			var hooks Hooks
			if hooked {
				hooks.OnStep = NewTraceWriter(&trace, false).Step
			}
			cfg := DefaultConfig()
			cfg.MaxTuples = 500
			d := newDetector(t, cfg, set, hooks)
			var found strings.Builder
			for part := range slices.Chunk(flows, batch) {
				for _, x := range d.Observe(part) {
					fmt.Fprintln(&found, x.Tuple, x.Model, x.Flows, x.Time, x.Letters)
				}
			}
			return found.String(), trace.String()
		}
		first, trace := run(1, true)
		again, second := run(64, true)
		plain, _ := run(1000, false)
		if first != again || first != plain || trace != second || trace == "" {
			t.Errorf("%s: runs differ", set[0].Kind)
		}
	}
}

func TestTraceText(t *testing.T) {
	var b bytes.Buffer
	w := NewTraceWriter(&b, false)
	w.Skipped(1, "header")
	d := newDetector(t, referenceConfig(time.Minute), letterModels(), Hooks{OnStep: w.Step})
	f := at(tupleFrom(t, "caf\xe9", `a"b\`, "http", "tcp"), 0)
	f.Line = 2
	d.Observe([]argusfeed.Flow{f})
	d.Finish()
	w.End(d)
	want := `{"line":1,"first":true,"kind":"header","event":"skipped_before_first"}
{"line":2,"first":true,"tuple":"caf\u00e9-a\"b\\-http-tcp","n":1,"state":"5","TD":false,"T1":null,"T2":null,"cmp":[],"win":null,"detected":null,"would_print":false,"event":"flow"}
{"line":null,"slot_end":{"start":"2024-03-01 12:00:00","end":"2024-03-01 12:01:00","connections":1,"tuples_known":1,"printed":[],"evicted":[]},"event":"final"}
{"event":"end","lines":2,"tuples_known":1}
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// The clocks of several sources differ, and joined flows come when they are over:
// the reference scorer's windows lose none of them.
func TestReferenceLosesNoneOfSeveralSources(t *testing.T) {
	for _, joined := range []bool{true, false} {
		cfg := DefaultConfig()
		cfg.Scoring = ScoringReference
		d := newDetector(t, cfg, nil, Hooks{})
		const n = 1000
		for i := range n {
			f := flowOf("10.0.0.7", uint16(1000+i))
			f.Source = uint16(i % 2)
			f.Start = day.Add(time.Duration(i)*time.Second - time.Duration(i%2)*5*time.Minute)
			if joined {
				f.Told = f.Start.Add(3 * time.Second)
			}
			d.Observe([]argusfeed.Flow{f})
		}
		d.Finish()
		// The second one of all may be lost: nobody knows yet that there are several.
		if s := d.Stats(); s.Dropped() > 1 || joined && s.Dropped() > 0 {
			t.Errorf("joined %t: %+v", joined, s)
		}
	}
}
