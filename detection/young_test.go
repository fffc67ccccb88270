package detection

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
)

// impatient is a scorer that wants a series from the second flow on.
type impatient struct{ scorer }

func (impatient) patience() int { return 0 }

// Whether a tuple was young first makes no difference to anything that is told.
func TestYoungTuplesComeToTheSame(t *testing.T) {
	found, matured, stayed := 0, 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		scoring := rapid.SampledFrom([]Scoring{ScoringReference, ScoringBehaviour}).Draw(rt, "scoring")
		cfg, set := scoringConfig(scoring), drawModels(rt, scoring, "set")
		flows := drawFlows(rt)
		for i := range flows {
			f := &flows[i]
			f.Part = rapid.SampledFrom([]argusfeed.Part{0, 0, 0, 0, argusfeed.PartBegun, argusfeed.PartGrown, argusfeed.PartClosed}).Draw(rt, "part")
			f.State = rapid.SampledFrom([]string{"", "INT", "S_", "S_SA", "FSPA_FSPA", "PA_PA", "FSRPA_FA", "A_R"}).Draw(rt, "state")
			switch rapid.IntRange(0, 30).Draw(rt, "odd") {
			case 0:
				f.Bytes = 1 << 33
			case 1:
				f.Dur = 2 * time.Hour
			case 2:
				f.Dur = 1500 * time.Nanosecond
			case 3:
				f.Sport = argusfeed.PortSPI(1 << 20)
			case 4:
				f.Start -= 7200e6
			case 5:
				f.Sport = argusfeed.PortHex(8)
			}
		}
		var steps, otherSteps []Step
		note := func(to *[]Step) func(*Step) {
			return func(s *Step) {
				kept := *s
				kept.Letters, kept.Compared = slices.Clone(s.Letters), slices.Clone(s.Compared)
				*to = append(*to, kept)
			}
		}
		hooks, otherHooks := Hooks{}, Hooks{}
		if rapid.Bool().Draw(rt, "steps") {
			hooks.OnStep, otherHooks.OnStep = note(&steps), note(&otherSteps)
		}
		a, b := newDetector(t, cfg, set, hooks), newDetector(t, cfg, set, otherHooks)
		a.tuples.seed = b.tuples.seed
		b.scorer = impatient{b.scorer}
		for i := range flows {
			got, want := a.Observe(flows[i:i+1]), b.Observe(flows[i:i+1])
			if diff := cmp.Diff(want, got, compareTuples, cmpopts.EquateEmpty()); diff != "" {
				rt.Fatalf("flow %d: %s", i, diff)
			}
			found += len(got)
			if diff := cmp.Diff(infos(b, 40), infos(a, 40), compareTuples); diff != "" {
				rt.Fatalf("after flow %d: %s", i, diff)
			}
			wantE, _ := b.Explain(flows[i].Tuple)
			gotE, _ := a.Explain(flows[i].Tuple)
			if diff := cmp.Diff(wantE, gotE); diff != "" {
				rt.Fatalf("explained after flow %d: %s", i, diff)
			}
		}
		if diff := cmp.Diff(otherSteps, steps, compareTuples, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatal(diff)
		}
		if diff := cmp.Diff(b.Stats(), a.Stats()); diff != "" {
			rt.Fatal(diff)
		}
		for id := range a.tuples.used {
			switch t := a.tuples.at(tupleID(id + 1)); {
			case t.rest.young() != 0:
				stayed++
			case t.rest.series() != 0:
				matured++
			}
		}
	})
	if found == 0 || matured == 0 || stayed == 0 {
		t.Errorf("%d detections, %d tuples that matured, %d young ones: nothing was tested", found, matured, stayed)
	}
}

// An event says of a flow what letters, contacts and connections ask for.
func TestEventsSayTheSame(t *testing.T) {
	key := argusfeed.Tuple{Proto: argusfeed.ProtoTCP, Port: argusfeed.PortNumber(443)}
	for _, state := range []string{"", "INT", "CON", "REQ", "ECO", "S_", "S_SA", "FSPA_FSPA", "PA_PA", "SR_RA", "A_A", "_", "FSA_FA"} {
		for _, sport := range []argusfeed.Port{0, argusfeed.PortNumber(65535), argusfeed.PortHex(0x0800)} {
			for _, bytes := range []uint64{0, 500, 501, 1<<32 - 1} {
				for part := argusfeed.PartWhole; part <= argusfeed.PartClosed; part++ {
					f := argusfeed.Flow{Tuple: key, Sport: sport, Start: day, Dur: 4294967295 * time.Microsecond, Bytes: bytes, Packets: 5, State: state, Part: part}
					if !plain(&f) {
						t.Fatalf("%+v is not plain", f)
					}
					e := eventOf(&f)
					g := e.flow(&key)
					if g.Tuple != f.Tuple || g.Sport != f.Sport || g.Start != f.Start || g.Dur != f.Dur || g.Bytes != f.Bytes || g.Part != f.Part {
						t.Errorf("%+v\nbecame %+v", f, g)
					}
					if answered(&f) != answered(&g) || loaded(&f) != loaded(&g) {
						t.Errorf("%q, %d bytes became %q", state, bytes, g.State)
					}
					var a, b connections
					for range 2 {
						_, want := a.continues(&f)
						if _, got := b.continues(&g); got != want {
							t.Errorf("%q goes on: %v, want %v", state, got, want)
						}
					}
				}
			}
		}
	}
	for _, f := range []argusfeed.Flow{{Bytes: 1 << 32}, {Dur: 1<<32*time.Microsecond + 1}, {Dur: 1}, {Sport: argusfeed.PortSPI(1 << 16)}, {Dur: -time.Microsecond}} {
		if plain(&f) {
			t.Errorf("%+v is plain", f)
		}
	}
}

// Tuples that come, grow up and go make no work for the collector once all that they
// leave has the room that they need.
func TestMaturingAllocatesNothing(t *testing.T) {
	for _, scoring := range []Scoring{ScoringReference, ScoringBehaviour} {
		cfg := deaf(t)
		cfg.Scoring, cfg.MaxTuples = scoring, 50
		set := builtin(t)
		if scoring == ScoringReference {
			set = letterModels()
			for i := range set {
				set[i].Threshold = 0.99
			}
		}
		d := newDetector(t, cfg, set, Hooks{})
		flows := make([]argusfeed.Flow, 8)
		n := uint32(0)
		pass := func() {
			for range 100 {
				n++
				for i := range flows {
					flows[i] = at(numbered(n), time.Duration(n)*time.Second+time.Duration(i)*time.Minute)
					flows[i].Sport = argusfeed.PortNumber(uint16(n) + uint16(i))
				}
				d.Observe(flows)
			}
		}
		for range 20 {
			pass()
		}
		if allocs := testing.AllocsPerRun(20, pass); allocs > 0 {
			t.Errorf("%s: %v allocations for 100 tuples that grew up", scoring, allocs)
		}
		if s := d.Stats(); s.Evicted == 0 || d.tuples.series.used == 0 {
			t.Errorf("%s: this is not the load that is meant: %+v", scoring, s)
		}
	}
}
