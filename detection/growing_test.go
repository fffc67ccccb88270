package detection

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// told splits a whole flow into what is told of it while it grows, and at its end.
func told(f argusfeed.Flow, pieces int) (growing []argusfeed.Flow, closed argusfeed.Flow) {
	closed = f
	closed.Part = argusfeed.PartClosed
	for i := range pieces {
		g := f
		g.Part = argusfeed.PartGrown
		if i == 0 {
			g.Part = argusfeed.PartBegun
		}
		g.Bytes = f.Bytes / uint64(pieces)
		if i == 0 {
			g.Bytes += f.Bytes % uint64(pieces)
		}
		growing = append(growing, g)
	}
	return growing, closed
}

// beaconAt is a contact of a beacon with every connection on a port of its own.
func beaconAt(i int) argusfeed.Flow {
	f := flowOf("10.0.0.7", 443)
	f.Start = day.Add(time.Duration(i) * time.Minute)
	f.Sport = argusfeed.PortNumber(uint16(2000 + i))
	f.State = "S_SA"
	f.Dur, f.Bytes = time.Hour, 5000
	return f
}

func flowOf(src string, port uint16) (f argusfeed.Flow) {
	f.Src, _ = argusfeed.ParseAddr([]byte(src))
	f.Dst, _ = argusfeed.ParseAddr([]byte("203.0.113.9"))
	f.Port, f.Proto = argusfeed.PortNumber(port), argusfeed.ProtoTCP
	return f
}

// Connections that are never closed are contacts as soon as they begin; their
// letters come when they are over.
func TestDetectsWhatIsNotOver(t *testing.T) {
	d := newDetector(t, DefaultConfig(), []models.Model{beaconModel("10.toml")}, Hooks{})
	var found []Detection
	var closed []argusfeed.Flow
	for i := range 60 {
		growing, c := told(beaconAt(i), 3)
		closed = append(closed, c)
		for k := range growing {
			growing[k].Told = growing[0].Start.Add(time.Second)
		}
		found = append(found, d.Observe(growing)...)
	}
	if len(found) == 0 || found[0].Letters != "" || found[0].Flows == 0 {
		t.Fatalf("%d detections: %+v", len(found), found)
	}
	if s := d.Stats(); s.Flows != 0 || s.Tuples != 1 {
		t.Errorf("%+v", s)
	}
	for info := range d.Tuples() {
		if info.Letters != "" || info.Flows != 60 {
			t.Errorf("before the end: %+v", info)
		}
	}
	for i := range closed {
		closed[i].Told = closed[59].Start.Add(time.Hour)
	}
	before := len(found)
	found = append(found, d.Observe(closed)...)
	if len(found) != before {
		t.Errorf("%d detections more at the end of flows that were told of", len(found)-before)
	}
	for info := range d.Tuples() {
		if len(info.Letters) < 60 || info.Flows != 60 {
			t.Errorf("at the end: %+v", info)
		}
	}
}

// What is told of flows before their end changes neither the letters nor the
// matches of the whole flows, for either scorer.
func TestGrowingFlowsGiveTheSame(t *testing.T) {
	for _, scoring := range []Scoring{ScoringBehaviour, ScoringReference} {
		t.Run(string(scoring), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(4, 4))
			set := []models.Model{beaconModel("10.toml")}
			if scoring == ScoringReference {
				set = nil
			}
			cfg := DefaultConfig()
			cfg.Scoring, cfg.ForgetAfter = scoring, 0
			whole, growing := newDetector(t, cfg, set, Hooks{}), newDetector(t, cfg, set, Hooks{})
			type match struct {
				tuple argusfeed.Tuple
				at    argusfeed.Time
				score float64
			}
			var want, got []match
			note := func(to *[]match, found []Detection) {
				for _, f := range found {
					*to = append(*to, match{f.Tuple, f.Time, f.Score})
				}
			}
			for i := range 400 {
				f := beaconAt(i)
				if rnd.IntN(2) == 0 {
					f.Src, _ = argusfeed.ParseAddr([]byte("10.0.0.8"))
				}
				f.Dur = time.Duration(rnd.IntN(50)) * time.Second
				f.Bytes += uint64(rnd.IntN(30))
				note(&want, whole.Observe([]argusfeed.Flow{f}))
				parts := []argusfeed.Flow{f}
				if n := rnd.IntN(4); n > 0 {
					var closed argusfeed.Flow
					parts, closed = told(f, n)
					parts = append(parts, closed)
				}
				for _, p := range parts {
					note(&got, growing.Observe([]argusfeed.Flow{p}))
				}
			}
			if d := cmp.Diff(want, got, cmp.AllowUnexported(match{}, argusfeed.Addr{})); d != "" {
				t.Errorf("matches (-whole +growing):\n%s", d)
			}
			if scoring == ScoringBehaviour && len(want) == 0 {
				t.Error("nothing matched")
			}
			letters := func(d *Detector) map[string]string {
				m := map[string]string{}
				for i := range d.Tuples() {
					m[i.Tuple.String()] = i.Letters
				}
				return m
			}
			if d := cmp.Diff(letters(whole), letters(growing)); d != "" {
				t.Errorf("letters (-whole +growing):\n%s", d)
			}
		})
	}
}

// A long connection beside a beacon is one contact, however many pieces are
// told of it: each belongs to the contact that its connection began in.
func TestLongConnectionHidesNoBeacon(t *testing.T) {
	for name, tt := range map[string]struct {
		port  uint16
		piece func(f argusfeed.Flow) argusfeed.Flow
	}{
		"growing":                {443, func(f argusfeed.Flow) argusfeed.Flow { f.Part = argusfeed.PartGrown; return f }},
		"each record is a flow":  {443, func(f argusfeed.Flow) argusfeed.Flow { f.State = "PA_PA"; return f }},
		"growing, on an odd one": {4444, func(f argusfeed.Flow) argusfeed.Flow { f.Part = argusfeed.PartGrown; return f }},
	} {
		t.Run(name, func(t *testing.T) {
			const beats, from, lasts = 80, 7, 60
			long := beaconAt(0)
			long.Port, long.Sport = argusfeed.PortNumber(tt.port), argusfeed.PortNumber(999)
			long.Start = long.Start.Add(from*time.Minute + 30*time.Second)
			var wholes, pieces []argusfeed.Flow
			for i := range beats {
				f := beaconAt(i)
				f.Port, f.Dur = long.Port, time.Second
				wholes, pieces = append(wholes, f), append(pieces, f)
				p := long
				p.Dur = time.Second
				switch {
				case i == from:
					p.Part = argusfeed.PartBegun
					if tt.piece(p).Part == argusfeed.PartWhole {
						p.Part = argusfeed.PartWhole
					}
					pieces = append(pieces, p)
					long.Bytes, long.Dur = (lasts+1)*long.Bytes, lasts*time.Minute
					wholes = append(wholes, long)
					long.Bytes /= lasts + 1
				case i > from && i <= from+lasts:
					p.Start = p.Start.Add(time.Duration(i-from) * time.Minute)
					p.Bytes += uint64(i * i * 7919 % 90_000)
					pieces = append(pieces, tt.piece(p))
				}
			}
			matches := func(flows []argusfeed.Flow) (at []argusfeed.Time, scores []float64) {
				for _, d := range newDetector(t, DefaultConfig(), builtin(t), Hooks{}).Observe(flows) {
					at, scores = append(at, d.Time), append(scores, d.Score)
				}
				return at, scores
			}
			want, wantScores := matches(wholes)
			got, scores := matches(pieces)
			if len(want) < beats/2 {
				t.Fatalf("%d matches of the whole flows", len(want))
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("matches (-whole +pieces):\n%s", d)
			}
			for i := range scores { // how long it lasts is known one piece later
				if diff := scores[i] - wantScores[i]; diff < -0.05 || diff > 0.2 {
					t.Errorf("match %d: score %v, of whole flows %v", i, scores[i], wantScores[i])
				}
			}
		})
	}
}

// Connections that overlap, told piece by piece, end as the same contacts as the
// whole flows.
func TestInterleavedFlowsEndTheSame(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 8)) //nolint:gosec // a test
	for range 50 {
		whole, growing := newBehaviourSeries(), newBehaviourSeries()
		type open struct {
			f    argusfeed.Flow
			left int
		}
		var opened []open
		b := &behaviour{}
		for i := range 60 {
			f := beaconAt(i)
			f.Start += argusfeed.Time(rnd.IntN(3)) * 6e6
			f.Bytes, f.Dur = 0, time.Duration(rnd.IntN(400))*time.Second
			n := rnd.IntN(6)
			f.Bytes = uint64(100 * (n + 1))
			b.take(whole, &f)
			begun := f
			begun.Part, begun.Bytes, begun.Dur = argusfeed.PartBegun, 100, 0
			b.take(growing, &begun)
			opened = append(opened, open{f, n})
			for k := range opened { // what has been open for longer goes on
				o := &opened[k]
				for o.left > 0 && (rnd.IntN(2) == 0 || k+8 < len(opened) || i == 59) {
					o.left--
					g := o.f
					g.Part, g.Bytes = argusfeed.PartGrown, 100
					b.take(growing, &g)
				}
			}
		}
		for _, o := range opened { // the last piece tells how long it lasted
			g := o.f
			g.Part, g.Bytes = argusfeed.PartGrown, 0
			b.take(growing, &g)
		}
		if len(whole.s.contacts) != len(growing.s.contacts) {
			t.Fatalf("%d spans, whole %d", len(growing.s.contacts), len(whole.s.contacts))
		}
		for i := range whole.s.contacts {
			w, g := &whole.s.contacts[i], &growing.s.contacts[i]
			known := min(w.n-1, openConnections/2) // of older ones the ports may be forgotten
			for k := w.n - known; k < w.n; k++ {
				at := (k - 1) % maxGaps
				if w.past[at] != g.past[at] || (w.held^g.held)>>at&1 != 0 {
					t.Fatalf("span %d, contact %d: %+v held %b, whole %+v held %b", i, k, g.past[at], g.held, w.past[at], w.held)
				}
			}
			if w.size != g.size || w.n != g.n {
				t.Fatalf("span %d: %+v\nwhole %+v", i, g, w)
			}
			if !slices.IsSorted(g.sizes) {
				t.Fatal("sizes are not sorted")
			}
		}
	}
}

// newBehaviourSeries is a tuple that has had one flow.
func newBehaviourSeries() *entry {
	t := &entry{tuple: &tuple{key: beaconAt(0).Tuple, last: beaconAt(0).Start - 1e6}, s: new(series)}
	t.s.reset()
	new(behaviour).begin(t)
	return t
}

// A flow that is over before the ones that began after it makes no contact that
// lies behind the newest.
func TestContactsStayInOrder(t *testing.T) {
	d := newDetector(t, DefaultConfig(), builtin(t), Hooks{})
	i := 0
	next := func(minute int, part argusfeed.Part) []Detection {
		i++
		f := beaconAt(minute)
		f.Sport, f.Dur, f.Part = argusfeed.PortNumber(uint16(5000+i)), time.Second, part
		return d.Observe([]argusfeed.Flow{f})
	}
	for m := range 20 {
		next(m, argusfeed.PartWhole)
	}
	next(30, argusfeed.PartBegun)
	contactsNow := func() (n int, last argusfeed.Time) {
		f := beaconAt(0)
		c := &d.tuples.entry(d.tuples.get(&f.Tuple, f.Hash(d.tuples.seed))).s.contacts[0]
		return c.n, c.last
	}
	n, last := contactsNow()
	for m := 20; m < 30; m++ {
		if found := next(m, []argusfeed.Part{argusfeed.PartWhole, argusfeed.PartBegun}[m%2]); len(found) > 0 {
			t.Errorf("minute %d is judged again", m)
		}
		if got, at := contactsNow(); got != n || at != last {
			t.Errorf("minute %d: %d contacts, the last at %s; before %d, %s", m, got, at, n, last)
		}
	}
	next(31, argusfeed.PartWhole)
	if got, _ := contactsNow(); got != n+1 {
		t.Errorf("%d contacts after the next one, want %d", got, n+1)
	}
}

// What is told of a flow that is not over makes its tuple active, and hides no other;
// a piece of nothing makes none.
func TestGrowingTuplesAreActive(t *testing.T) {
	var windows []Window
	d := newDetector(t, DefaultConfig(), nil, Hooks{OnWindow: func(w Window) { windows = append(windows, w) }})
	whole, growing := beaconAt(0), beaconAt(0)
	growing.Src, _ = argusfeed.ParseAddr([]byte("10.0.0.8"))
	growing.Part = argusfeed.PartBegun
	lost := growing
	lost.Src, _ = argusfeed.ParseAddr([]byte("10.0.0.9"))
	lost.Part = argusfeed.PartGrown
	d.Observe([]argusfeed.Flow{whole, growing, lost})
	d.Finish()
	if len(windows) != 1 || len(windows[0].Active) != 2 || windows[0].Flows != 1 || windows[0].Tuples != 2 || windows[0].Known != 2 {
		t.Fatalf("%+v", windows)
	}
	for _, a := range windows[0].Active {
		if a.Tuple == growing.Tuple && (a.Letters != "" || a.InWindow != 0 || a.Flows != 1) {
			t.Errorf("%+v", a)
		}
	}
}
