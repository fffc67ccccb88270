package detection

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// Whatever comes and goes between its calls, a scan shows what stayed once, and
// nothing twice, and nothing that came later.
func TestScanWhileTuplesComeAndGo(t *testing.T) {
	gone, came := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		cfg := scoringConfig(ScoringReference)
		cfg.MaxTuples, cfg.ForgetAfter, cfg.Width = 16, 3, time.Second
		stayed := map[argusfeed.Tuple]bool{}
		d := newDetector(t, cfg, nil, Hooks{OnWindow: func(w Window) {
			for _, tuple := range w.Forgotten { // the flow that ended the window may bring it back
				delete(stayed, tuple)
				gone++
			}
		}})
		now := day
		flow := func() {
			now = now.Add(100 * time.Millisecond)
			f := flowOf("10.0.0.1", uint16(1+rapid.IntRange(0, 25).Draw(rt, "tuple")))
			f.Start = now
			d.Observe([]argusfeed.Flow{f})
		}
		known := func() map[argusfeed.Tuple]bool {
			all := map[argusfeed.Tuple]bool{}
			for i := range d.Tuples() {
				all[i.Tuple] = true
			}
			return all
		}
		for range rapid.IntRange(0, 60).Draw(rt, "before") {
			flow()
		}
		if rapid.Bool().Draw(rt, "given up") {
			d.Scan(Cursor{}, 2, func(TupleView) {})
			flow()
		}
		var at map[argusfeed.Tuple]bool
		at, stayed = known(), known()
		seen := map[argusfeed.Tuple]bool{}
		for c, done := (Cursor{}), false; !done; {
			n := rapid.IntRange(1, 5).Draw(rt, "n")
			shown := 0
			c, done = d.Scan(c, n, func(v TupleView) {
				shown++
				if tuple := v.Tuple(); seen[tuple] || !at[tuple] {
					rt.Fatalf("%s is shown twice (%v) or came later (%v)", tuple, seen[tuple], !at[tuple])
				}
				seen[v.Tuple()] = true
			})
			if shown > n {
				rt.Fatalf("%d tuples are shown at a time, not %d", shown, n)
			}
			for range rapid.IntRange(0, 6).Draw(rt, "flows") {
				flow()
				now := known()
				for tuple := range stayed {
					if !now[tuple] {
						delete(stayed, tuple)
						gone++
					}
				}
				for tuple := range now {
					if !at[tuple] {
						came++
					}
				}
			}
		}
		for tuple := range stayed {
			if !seen[tuple] {
				rt.Fatalf("%s is not shown", tuple)
			}
		}
	})
	if gone == 0 || came == 0 {
		t.Errorf("%d tuples went and %d came: nothing was tested", gone, came)
	}
}

// Numbers of scans begin anew, and nothing is missed then.
func TestVeryManyScans(t *testing.T) {
	d := newDetector(t, DefaultConfig(), nil, Hooks{})
	count := func() (n int) {
		d.Scan(Cursor{}, math.MaxInt32, func(TupleView) { n++ })
		return n
	}
	for i := range 300 { // more than a chunk
		d.Observe([]argusfeed.Flow{at(numbered(uint32(i)), time.Duration(i))})
		d.tuples.at(tupleID(i + 1)).born = math.MaxUint16 - 1
	}
	d.tuples.scans = math.MaxUint16 - 1
	for range 3 {
		if n := count(); n != 300 {
			t.Fatalf("scan %d shows %d tuples, not 300", d.tuples.scans, n)
		}
	}
	if _, done := newDetector(t, DefaultConfig(), nil, Hooks{}).Scan(Cursor{}, 0, func(TupleView) { t.Error("an empty table") }); !done {
		t.Error("an empty table has more")
	}
}

func TestTupleView(t *testing.T) {
	d := newDetector(t, deaf(t), []models.Model{beaconModel("a.toml")}, Hooks{})
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	once := tupleOf(t, "198.51.100.8", "443", "tcp")
	d.Observe(beat(web, 0, time.Minute, 150))
	d.Observe(beat(once, 150*time.Minute, time.Minute, 1))
	for _, c := range []struct {
		tuple   argusfeed.Tuple
		letters int
		want    string
		cut     bool
	}{
		{web, 4, "e,e,", true}, {web, 0, "", true}, {web, -1, "", true}, {once, 4, "5", false}, {once, 0, "", true},
	} {
		info, ok := d.Lookup(c.tuple, c.letters)
		if !ok || info.Letters != c.want || info.Cut != c.cut {
			t.Errorf("%s, %d letters: %q, cut %v (%v)", c.tuple, c.letters, info.Letters, info.Cut, ok)
		}
		d.Scan(Cursor{}, 10, func(v TupleView) {
			if v.Tuple() != c.tuple {
				return
			}
			label, score, detected := v.Detected()
			got := TupleInfo{Tuple: v.Tuple(), Flows: v.Flows(), Last: v.Last(), Detections: v.Detections(), Label: label, Score: score,
				InWindow: info.InWindow, Letters: info.Letters, Cut: info.Cut, Model: info.Model, Threshold: info.Threshold}
			if diff := cmp.Diff(info, got, compareTuples); diff != "" || detected != (c.tuple == web) {
				t.Errorf("%s, detected %v: %s", c.tuple, detected, diff)
			}
			if diff := cmp.Diff(info, v.Info(c.letters), compareTuples); diff != "" {
				t.Error(diff)
			}
		})
	}
	if info, _ := d.Lookup(web, math.MaxInt); len(info.Letters) < letterTail || info.Flows != 150 || info.Detections != 146 {
		t.Errorf("%+v", info)
	}
	if _, ok := d.Lookup(numbered(1), 1); ok {
		t.Error("a tuple that never was is known")
	}
}

// Looking on changes nothing.
func TestLookingChangesNothing(t *testing.T) {
	found := 0
	rapid.Check(t, func(rt *rapid.T) {
		scoring := rapid.SampledFrom([]Scoring{ScoringReference, ScoringBehaviour}).Draw(rt, "scoring")
		cfg, set, flows := scoringConfig(scoring), drawModels(rt, scoring, "set"), drawFlows(rt)
		cfg.MaxTuples = 16
		var judged, alsoJudged int
		a := newDetector(t, cfg, set, Hooks{OnJudge: func(*Judgement) { judged++ }})
		b := newDetector(t, cfg, set, Hooks{OnJudge: func(*Judgement) { alsoJudged++ }})
		for i := range flows {
			want, got := a.Observe(flows[i:i+1]), b.Observe(flows[i:i+1])
			if diff := cmp.Diff(want, got, compareTuples, cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("flow %d: %s", i, diff)
			}
			found += len(got)
			tuple := flows[rapid.IntRange(0, len(flows)-1).Draw(rt, "looked at")].Tuple
			switch rapid.IntRange(0, 3).Draw(rt, "how") {
			case 0:
				b.Explain(tuple)
			case 1:
				b.Lookup(tuple, 3)
			case 2:
				infos(b, 3)
			}
		}
		if diff := cmp.Diff(a.Stats(), b.Stats()); diff != "" || judged != alsoJudged {
			rt.Fatal(diff, judged, alsoJudged)
		}
	})
	if found == 0 {
		t.Error("no detection: nothing was tested")
	}
}

func BenchmarkScan(b *testing.B) {
	for _, n := range []int{100_000, 500_000} {
		cfg := deaf(b)
		cfg.MaxTuples = n
		d := newDetector(b, cfg, builtin(b), Hooks{})
		flows := make([]argusfeed.Flow, n)
		for round := range 2 { // a third of the tuples has two flows
			for i := range flows {
				flows[i] = at(numbered(uint32(i)), time.Duration(round)*time.Minute)
			}
			d.Observe(flows[:n/(1+2*round)])
		}
		if s := d.Stats(); s.Tuples != n {
			b.Fatalf("%+v", s)
		}
		for _, bench := range []struct {
			name  string
			visit func(TupleView)
		}{
			{"view", func(v TupleView) { sink += v.Flows() }},
			{"detected", func(v TupleView) {
				if _, _, ok := v.Detected(); ok {
					sink++
				}
			}},
			{"info-64", func(v TupleView) { sink += v.Info(64).Flows }},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, bench.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					for c, done := (Cursor{}), false; !done; {
						c, done = d.Scan(c, 1000, bench.visit)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/tuple")
			})
		}
	}
}

var sink uint64
