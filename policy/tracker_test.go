package policy

import (
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

func newTracker(t testing.TB, matches, windows, maxTuples int) *Tracker {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Rules = nil
	cfg.Matches, cfg.Windows, cfg.MaxTuples = matches, windows, maxTuples
	e, err := New(cfg, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return e.NewTracker()
}

func numbered(n int, at argusfeed.Time) detection.Detection {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], uint32(n))
	return detection.Detection{
		Tuple: argusfeed.Tuple{
			Src: argusfeed.AddrFrom4([4]byte{10, 0, 0, 5}), Dst: argusfeed.AddrFrom4(b),
			Port: argusfeed.PortNumber(80), Proto: argusfeed.ProtoTCP,
		},
		Time: at,
	}
}

// A beacon on its way to being confirmed survives a storm of tuples that match
// once each, and the storm finds its bound.
func TestTrackerKeepsTheBeaconInAStorm(t *testing.T) {
	const places = 100
	tr := newTracker(t, 3, 60, places)
	now := testNow
	tr.Observe(numbered(0, now))
	tr.Observe(numbered(0, now+second))
	for n := 1; n <= 50*places; n++ {
		now += 1000
		tr.Observe(numbered(n, now))
		if tr.Len() > places {
			t.Fatalf("%d tuples remembered, at most %d allowed", tr.Len(), places)
		}
	}
	if want := uint64(49*places + 1); tr.Evicted() != want {
		t.Errorf("%d evicted, want %d", tr.Evicted(), want)
	}
	if len(tr.tracks) != places {
		t.Errorf("memory for %d tuples, want %d", len(tr.tracks), places)
	}
	if got := tr.Observe(numbered(0, now)); len(got.Times) != 3 {
		t.Errorf("the beacon has %d matches left, want 3", len(got.Times))
	}
}

// A storm in which every tuple matches twice still leaves a quarter of the
// places to new ones.
func TestTrackerLeavesRoomForNewTuples(t *testing.T) {
	const places = 100
	tr := newTracker(t, 3, 60, places)
	now := testNow
	for n := range 10 * places {
		now += 1000
		tr.Observe(numbered(n, now))
		tr.Observe(numbered(n, now))
	}
	for n := range places / 4 {
		tr.Observe(numbered(1_000_000+n, now))
	}
	for n := range places / 4 {
		if got := tr.Observe(numbered(1_000_000+n, now)); len(got.Times) != 2 {
			t.Fatalf("new tuple %d has %d matches, want 2", n, len(got.Times))
		}
	}
}

// What is blocked keeps its evidence, which its renewal needs, in a storm of tuples
// that match again and again; and blocks of long ago leave room for new tuples.
func TestTrackerKeepsWhatIsBlocked(t *testing.T) {
	const places = 100
	tr := newTracker(t, 3, 60, places)
	now := testNow
	see := func(n, times int, action Action) {
		for range times {
			now += 1000
			d := numbered(n, now)
			tr.Observe(d)
			tr.Decided(Decision{Tuple: d.Tuple, Action: action})
		}
	}
	see(0, 2, ActionAlert)
	see(0, 1, ActionBlock)
	for n := range 10 * places {
		see(1000+n, 3, ActionAlert)
	}
	if got := tr.Observe(numbered(0, now)); len(got.Times) != 3 {
		t.Fatalf("what is blocked has %d matches left, want 3", len(got.Times))
	}
	for n := range 10 * places {
		see(10_000+n, 3, ActionBlock)
	}
	for n := range places / 4 {
		tr.Observe(numbered(1_000_000+n, now))
	}
	for n := range places / 4 {
		if got := tr.Observe(numbered(1_000_000+n, now)); len(got.Times) != 2 {
			t.Fatalf("new tuple %d has %d matches, want 2", n, len(got.Times))
		}
	}
}

// What is too old to count makes room without being missed.
func TestTrackerCountsOnlyLosses(t *testing.T) {
	tr := newTracker(t, 3, 60, 100)
	for n := range 100 {
		tr.Observe(numbered(n, testNow))
	}
	for n := range 100 {
		tr.Observe(numbered(1000+n, testNow+hour))
	}
	if tr.Len() != 100 || tr.Evicted() != 0 {
		t.Errorf("%d tuples remembered and %d evicted, want 100 and 0", tr.Len(), tr.Evicted())
	}
	tr.Observe(numbered(0, testNow+hour))
	if tr.Evicted() != 1 {
		t.Errorf("%d evicted, want 1", tr.Evicted())
	}
}

// One flow with a wild time neither confirms nor wipes the evidence out.
func TestTrackerWildTime(t *testing.T) {
	tr := newTracker(t, 3, 60, 10)
	for _, at := range []argusfeed.Time{testNow, testNow + 1, testNow + 1_000_000*hour} {
		tr.Observe(numbered(0, at))
	}
	got := tr.Observe(numbered(0, testNow+2))
	if n, since := count(got.Times, testNow+2, time.Hour); n != 3 || since != testNow {
		t.Errorf("%d matches since %v, want 3 since %v", n, since, testNow)
	}
}

// Against a tracker that remembers everything.
func TestTrackerAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		matches := rapid.IntRange(1, 5).Draw(t, "matches")
		windows := rapid.IntRange(1, 4).Draw(t, "windows")
		places := rapid.IntRange(1, 12).Draw(t, "places")
		cfg := DefaultConfig()
		cfg.Matches, cfg.Windows, cfg.MaxTuples = matches, windows, places
		cfg.Rules = nil
		e, err := New(cfg, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		tr := e.NewTracker()
		span := time.Duration(windows) * time.Minute
		all := map[int][]argusfeed.Time{}
		now := testNow
		for range rapid.IntRange(1, 60).Draw(t, "flows") {
			now += argusfeed.Time(rapid.IntRange(0, 90*second).Draw(t, "gap"))
			n := rapid.IntRange(0, 15).Draw(t, "tuple")
			all[n] = append(all[n], now)
			got, _ := count(tr.Observe(numbered(n, now)).Times, now, span)
			want, _ := count(all[n], now, span)
			want = min(want, matches)
			// Where places were enough nothing is lost; elsewhere evidence may
			// be forgotten but is never made up.
			if got > want || got < 1 || tr.Evicted() == 0 && got != want {
				t.Fatalf("tuple %d has %d matches, want %d (%d evicted)", n, got, want, tr.Evicted())
			}
			if tr.Len() > places {
				t.Fatalf("%d tuples in %d places", tr.Len(), places)
			}
			checkLists(t, tr)
			if rapid.Bool().Draw(t, "decided") {
				tr.Decided(Decision{Tuple: numbered(n, now).Tuple, Action: rapid.SampledFrom([]Action{ActionAlert, ActionBlock}).Draw(t, "action")})
				checkLists(t, tr)
			}
		}
	})
}

// checkLists looks whether the lists hold just the tuples of the index.
func checkLists(t *rapid.T, tr *Tracker) {
	seen := 0
	for _, l := range []*list{&tr.single, &tr.several, &tr.blocked} {
		n, before := 0, none
		for i := l.head; i != none; i = tr.tracks[i].next {
			if tr.tracks[i].prev != before || tr.index[tr.tracks[i].tuple] != i || tr.listOf(&tr.tracks[i]) != l || slices.Contains(tr.free, i) {
				t.Fatalf("track %d is in the wrong place", i)
			}
			before = i
			n++
		}
		if n != l.n || l.tail != before {
			t.Fatalf("a list of %d claims %d", n, l.n)
		}
		seen += n
	}
	if seen != tr.Len() || seen+len(tr.free) != len(tr.tracks) {
		t.Fatalf("%d listed, %d indexed, %d free of %d", seen, tr.Len(), len(tr.free), len(tr.tracks))
	}
}

func BenchmarkObserve(b *testing.B) {
	tr := newTracker(b, 3, 60, 100_000)
	now := testNow
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		now += 100
		tr.Observe(numbered(n%200_000, now))
	}
}
