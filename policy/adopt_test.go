package policy

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

func adopter(t interface{ Fatal(...any) }, matches, windows, maxTuples int) *Engine {
	cfg := DefaultConfig()
	cfg.Rules, cfg.Matches, cfg.Windows, cfg.MaxTuples = nil, matches, windows, maxTuples
	e, err := New(cfg, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ask decides a detection and takes note of the answer.
func ask(e *Engine, tr *Tracker, d detection.Detection, p *Protected) Decision {
	dec := e.Decide(d, View{Now: d.Time, ID: "id", Evidence: tr.Observe(d), Protected: p})
	tr.Decided(dec)
	return dec
}

// An engine of the same configuration that takes over changes no decision.
func TestAdoptedByTheSameConfiguration(t *testing.T) {
	p := testProtected()
	rapid.Check(t, func(t *rapid.T) {
		e, cfg := drawEngine(t)
		again, err := New(cfg, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		stays, reloaded := e.NewTracker(), e.NewTracker()
		now := testNow
		for range rapid.IntRange(1, 40).Draw(t, "detections") {
			d := drawDetection(t)
			now += argusfeed.Time(rapid.IntRange(0, 3*minute).Draw(t, "gap"))
			d.Time = now
			use := e
			if rapid.IntRange(0, 5).Draw(t, "reload") == 0 {
				use, reloaded = again, again.Adopt(reloaded)
			}
			want, got := ask(e, stays, d, p), ask(use, reloaded, d, p)
			if diff := cmp.Diff(want, got, nanEqual, cmp.Comparer(func(a, b argusfeed.Tuple) bool { return a == b })); diff != "" {
				t.Fatal(diff)
			}
		}
		if stays.Evicted() != reloaded.Evicted() || stays.Len() != reloaded.Len() {
			t.Fatal("another number is remembered")
		}
	})
}

// With other limits, what is adopted is what a tracker of the new engine would
// remember, as far as the old one remembered as much; never more.
func TestAdoptedByAnotherConfiguration(t *testing.T) {
	same, fewer := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		m1, m2 := rapid.IntRange(1, 6).Draw(t, "matches"), rapid.IntRange(1, 6).Draw(t, "then")
		w1, w2 := rapid.IntRange(1, 9).Draw(t, "windows"), rapid.IntRange(1, 9).Draw(t, "then")
		e1, e2 := adopter(t, m1, w1, 20), adopter(t, m2, w2, 20)
		tr, always := e1.NewTracker(), e2.NewTracker()
		now, d := testNow, detection.Detection{}
		next := func() {
			now += argusfeed.Time(rapid.IntRange(0, 90*second).Draw(t, "gap"))
			d = numbered(rapid.IntRange(0, 5).Draw(t, "tuple"), now)
		}
		for range rapid.IntRange(1, 40).Draw(t, "before") {
			next()
			ask(e1, tr, d, nil)
			ask(e2, always, d, nil)
		}
		tr = e2.Adopt(tr)
		checkLists(t, tr)
		for n := range 6 {
			if got, want := tr.Evidence(numbered(n, 0).Tuple).Times, always.Evidence(numbered(n, 0).Tuple).Times; m1 >= m2 && len(got) != len(want) || len(got) > m2 {
				t.Fatalf("tuple %d has %d matches, want %d", n, len(got), len(want))
			}
		}
		for range rapid.IntRange(1, 20).Draw(t, "after") {
			next()
			got, want := ask(e2, tr, d, nil), ask(e2, always, d, nil)
			if got.Matches > want.Matches || got.Matches < 1 || m1 >= m2 && (got.Matches != want.Matches || got.Since != want.Since) {
				t.Fatalf("%d matches since %v, want %d since %v", got.Matches, got.Since, want.Matches, want.Since)
			}
			if got.Matches == want.Matches {
				same++
			} else {
				fewer++
			}
		}
	})
	if same == 0 || fewer == 0 {
		t.Errorf("%d times as many matches, %d times fewer: nothing was tested", same, fewer)
	}
}

// A smaller tracker keeps the newest of those that matched more than once, and
// leaves room for new ones.
func TestAdoptedBySmaller(t *testing.T) {
	tr := adopter(t, 3, 60, 1000).NewTracker()
	now := testNow
	for n := range 400 {
		now += 1000
		tr.Observe(numbered(n, now))
		if n < 200 { // these match twice
			tr.Observe(numbered(n, now))
		}
	}
	tr = adopter(t, 3, 60, 100).Adopt(tr)
	if tr.Len() != 100 || tr.Evicted() != 300 {
		t.Fatalf("%d tuples are left, %d were evicted", tr.Len(), tr.Evicted())
	}
	count := func(from, to int) (n int) {
		for i := from; i < to; i++ {
			n += min(1, len(tr.Evidence(numbered(i, 0).Tuple).Times))
		}
		return n
	}
	if several, single := count(125, 200), count(375, 400); several != 75 || single != 25 {
		t.Errorf("of the newest are left %d that matched twice and %d that did once, want 75 and 25", several, single)
	}
	tr = adopter(t, 3, 60, 1000).Adopt(tr)
	for n := range 900 {
		tr.Observe(numbered(10_000+n, now))
	}
	if tr.Len() != 1000 || tr.Evicted() != 300 {
		t.Errorf("%d tuples in the larger one, %d were evicted", tr.Len(), tr.Evicted())
	}
}

// Of a tuple's matches those nearest to the newest one are kept.
func TestAdoptedWithFewerMatches(t *testing.T) {
	tr := adopter(t, 5, 60, 10).NewTracker()
	for _, at := range []argusfeed.Time{testNow, testNow + 1_000_000*hour, testNow + 1, testNow + 2} {
		tr.Observe(numbered(0, at))
	}
	got := adopter(t, 2, 60, 10).Adopt(tr).Evidence(numbered(0, 0).Tuple)
	slices.Sort(got.Times)
	if !slices.Equal(got.Times, []argusfeed.Time{testNow + 1, testNow + 2}) {
		t.Errorf("kept are %v", got.Times)
	}
	if ev := tr.Evidence(numbered(1, 0).Tuple); ev.Times != nil {
		t.Errorf("evidence of a tuple without matches: %+v", ev)
	}
}

func BenchmarkAdopt(b *testing.B) {
	for name, matches := range map[string]int{"same": 10, "other": 11} {
		b.Run(name, func(b *testing.B) {
			e := []*Engine{adopter(b, 10, 60, 100_000), adopter(b, matches, 60, 100_000)}
			tr := e[0].NewTracker()
			for n := range 100_000 {
				tr.Observe(numbered(n, testNow))
			}
			for n := 0; b.Loop(); n++ {
				tr = e[n%2].Adopt(tr)
			}
		})
	}
}
