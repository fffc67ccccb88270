package detection

import (
	"math/rand/v2"
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
