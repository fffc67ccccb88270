package detection

import (
	"fmt"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// verdicts observes flows with the built-in classifier and models.
func verdicts(t testing.TB, flows []argusfeed.Flow) []Detection {
	t.Helper()
	slices.SortStableFunc(flows, func(a, b argusfeed.Flow) int { return int(a.Start - b.Start) })
	return slices.Clone(newDetector(t, DefaultConfig(), builtin(t), Hooks{}).Observe(flows))
}

// visits makes n flows that carry data, each from a port of its own.
func visits(t argusfeed.Tuple, gap func(i int) time.Duration, n int) []argusfeed.Flow {
	var all []argusfeed.Flow
	after := time.Duration(0)
	for i := range n {
		f := at(t, after)
		f.Sport, f.State, f.Dur = argusfeed.PortNumber(uint16(30000+i)), "FSPA_FSPA", 200*time.Millisecond
		all = append(all, f)
		after += gap(i)
	}
	return all
}

func every(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

// TestWhatTheDefaultScorerFinds: beacons with jitter, missing beats and pairs
// are found, and named after their class; what only looks like one is not.
func TestWhatTheDefaultScorerFinds(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	odd := tupleOf(t, "198.51.100.7", "4444", "tcp")
	rng := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	jitter := func(d time.Duration, share float64) func(int) time.Duration {
		return func(int) time.Duration { return time.Duration(float64(d) * (1 + share*(2*rng.Float64()-1))) }
	}
	change := func(flows []argusfeed.Flow, how func(i int, f *argusfeed.Flow)) []argusfeed.Flow {
		for i := range flows {
			how(i, &flows[i])
		}
		return flows
	}
	pairs := func(gap time.Duration, n int) []argusfeed.Flow {
		first := visits(web, every(gap), n)
		second := change(visits(web, every(gap), n), func(i int, f *argusfeed.Flow) {
			f.Start, f.Sport = f.Start.Add(2*time.Second), argusfeed.PortNumber(uint16(50000+i))
		})
		return append(first, second...)
	}
	crowded := func(hosts int) []argusfeed.Flow {
		var all []argusfeed.Flow
		for h := range hosts {
			other := tupleFrom(t, fmt.Sprintf("10.0.1.%d", h+1), "198.51.100.7", "443", "tcp")
			all = append(all, at(other, 0))
		}
		return append(all, change(visits(web, every(time.Minute), 40), func(_ int, f *argusfeed.Flow) { f.Start = f.Start.Add(time.Second) })...)
	}
	peers := func(n int) []argusfeed.Flow {
		var all []argusfeed.Flow
		for i := range n {
			all = append(all, at(tupleOf(t, fmt.Sprintf("203.0.%d.9", i), "51413", "tcp"), 0))
		}
		return append(all, change(visits(odd, every(time.Minute), 20), func(_ int, f *argusfeed.Flow) {
			f.Start, f.State, f.Bytes, f.Packets = f.Start.Add(time.Second), "S_RA", 128, 2
		})...)
	}
	for _, c := range []struct {
		name  string
		flows []argusfeed.Flow
		want  string // the class, empty: nothing is found
	}{
		{"clockwork", visits(web, every(time.Minute), 20), BeaconRegular},
		{"20 % jitter", visits(web, jitter(time.Minute, 0.2), 40), BeaconJittered},
		{"missing beats", visits(web, func(i int) time.Duration { return time.Duration(1+i%4/3) * time.Minute }, 40), BeaconRegular},
		{"a pair every six hours", pairs(6*time.Hour, 17), BeaconSlow},
		{"tasks now and then", change(visits(web, jitter(time.Minute, 0.1), 40), func(i int, f *argusfeed.Flow) { f.Bytes += uint64(i % 6 / 5 * 30_000) }), "beacon"},
		{"an odd port", visits(odd, jitter(time.Minute, 0.2), 8), "beacon"},
		{"a server that is down", change(visits(odd, every(time.Minute), 20), func(_ int, f *argusfeed.Flow) { f.State, f.Bytes, f.Packets = "S_", 222, 3 }), Attempt},
		{"sizes as they come", change(visits(web, every(15*time.Minute), 40), func(i int, f *argusfeed.Flow) { f.Bytes = uint64(3000 + i*i*7919%9000) }), ""},
		{"a person", change(visits(web, func(int) time.Duration { return time.Duration(math.Exp(2*rng.NormFloat64()) * 1e10) }, 100),
			func(_ int, f *argusfeed.Flow) { f.Bytes = uint64(2000 * math.Exp(rng.NormFloat64())) }), ""},
		{"connections without data", change(visits(web, every(5*time.Minute), 40), func(_ int, f *argusfeed.Flow) { f.State, f.Bytes, f.Packets = "FSA_FSA", 402, 6 }), ""},
		{"a service that polls", visits(tupleOf(t, "198.51.100.7", "8883", "tcp"), every(time.Minute), 100), ""},
		{"a popular service", crowded(40), ""},
		{"a peer among many", peers(100), ""},
		{"downloads", change(visits(web, every(time.Minute), 40), func(_ int, f *argusfeed.Flow) { f.Bytes = 5_000_000 }), ""},
		{"too few contacts", visits(web, every(time.Minute), 4), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := verdicts(t, c.flows)
			got := ""
			if len(found) > 0 {
				got = found[len(found)-1].Behaviour
			}
			if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
				t.Errorf("%d detections, the last as %q, want %q", len(found), got, c.want)
				for _, d := range found[:min(2, len(found))] {
					t.Log(d.Why)
				}
			}
			for _, d := range found {
				if d.Score < d.Threshold || d.Score > 1 || !strings.HasPrefix(d.Label, "From-") {
					t.Errorf("score %v, threshold %v, label %s", d.Score, d.Threshold, d.Label)
				}
			}
		})
	}
}

// TestSpansAreForkedRightly: looking through longer spans only from the moment
// where they differ gives what looking through all from the start gives.
func TestSpansAreForkedRightly(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a test
	for range 200 {
		b := &behaviour{}
		var forked, full series
		forked.contacts = make([]contacts, 1, len(spans))
		full.contacts = make([]contacts, len(spans))
		start := day
		forked.contacts[0].begin(start, 100)
		for i := range full.contacts {
			full.contacts[i].begin(start, 100)
			full.contacts[i].level = i
		}
		for range 80 {
			start += argusfeed.Time(math.Exp(rng.NormFloat64()*3) * 5e6)
			f := argusfeed.Flow{Start: start, Bytes: rng.Uint64N(1000), Packets: 3, Dur: time.Second, State: []string{"S_", "FSPA_FSPA", "FSA_FSA"}[rng.IntN(3)]}
			b.fork(&forked, f.Start)
			for i := range forked.contacts {
				forked.contacts[i].add(&f)
			}
			for i := range full.contacts {
				full.contacts[i].add(&f)
			}
			for i := range full.contacts {
				var have *contacts // the longest span kept that is not longer
				for k := range forked.contacts {
					if forked.contacts[k].level <= i {
						have = &forked.contacts[k]
					}
				}
				want := full.contacts[i]
				want.level = have.level
				if fmt.Sprint(*have) != fmt.Sprint(want) {
					t.Fatalf("span %d:\n%+v\nwant\n%+v", i, *have, want)
				}
			}
		}
	}
}

// TestSpread compares with the definition.
func TestSpread(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6)) //nolint:gosec // a test
	naive := func(values []float64) float64 {
		s := slices.Clone(values)
		slices.Sort(s)
		n := len(s)
		return (s[(n-1)/2] + s[n/2]) / 2
	}
	for range 2000 {
		n := 1 + rng.IntN(maxGaps)
		values, wide := make([]float32, n), make([]float64, n)
		for i := range values {
			values[i] = float32(rng.IntN(50))
			wide[i] = float64(values[i])
		}
		mid := naive(wide)
		var off []float64
		kept := 0
		for _, v := range wide {
			off = append(off, math.Abs(v-mid))
			if v >= mid*0.7 && v <= mid*1.3 {
				kept++
			}
		}
		var sorted []float32
		for _, v := range values {
			sorted = insert(sorted, v)
		}
		gotMid, gotShare, gotKept := spread(sorted, 0.3)
		if gotMid != mid || gotShare != ratioOf(naive(off), mid) || gotKept != float64(kept)/float64(n) {
			t.Fatalf("%v: %v %v %v, want %v %v %v", wide, gotMid, gotShare, gotKept, mid, ratioOf(naive(off), mid), float64(kept)/float64(n))
		}
	}
}

// TestReplace keeps values sorted.
func TestReplace(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // a test
	var sorted, have []float32
	for range maxGaps {
		v := float32(rng.IntN(20))
		sorted, have = insert(sorted, v), append(have, v)
	}
	for range 2000 {
		at, v := rng.IntN(len(have)), float32(rng.IntN(20))
		replace(sorted, have[at], v)
		have[at] = v
		want := slices.Clone(have)
		slices.Sort(want)
		if !slices.Equal(sorted, want) {
			t.Fatalf("%v, want %v", sorted, want)
		}
	}
}

// hashed gives a key and its hash.
func hashed[V any](g *generations[netKey, V], k netKey) (netKey, uint64) { return k, k.hash(g.seed) }

func meet(c *crowds, t argusfeed.Tuple, answered bool) { c.later.add(&t, answered) }

// TestCrowds: what is counted is about right, and bounded.
func TestCrowds(t *testing.T) {
	for _, n := range []int{1, 2, 5, 20, 60} {
		c := newCrowds()
		for i := range n {
			meet(c, tupleFrom(t, fmt.Sprintf("10.0.%d.%d", i/250, 100+i%150), "198.51.100.7", "443", "tcp"), true)
			meet(c, tupleOf(t, fmt.Sprintf("203.0.%d.9", i), "9999", "tcp"), true)
		}
		dst, src := tupleOf(t, "198.51.100.7", "443", "tcp").Dst, tupleOf(t, "198.51.100.7", "443", "tcp").Src
		for what, got := range map[string]float64{"company": c.company(src, dst, true), "peers": c.peers(src, true)} {
			if math.Abs(got-float64(n)) > 0.35*float64(n)+0.5 {
				t.Errorf("%s of %d counts as %.1f", what, n, got)
			}
		}
	}
	g := generations[netKey, int]{seed: maphash.MakeSeed()}
	*g.at(hashed(&g, 1<<30)) = 1
	for i := range 5 * maxContext {
		*g.at(hashed(&g, netKey(i))) = i
		if v := g.find(hashed(&g, 1<<30)); i%maxContext == 0 && (v == nil || *v != 1) {
			t.Fatalf("what is asked for is forgotten after %d", i)
		}
	}
	g = generations[netKey, int]{seed: maphash.MakeSeed()}
	for i := range 5 * maxContext {
		*g.at(hashed(&g, netKey(i))) = i
		if g.young.n > maxContext || g.old.n > maxContext {
			t.Fatalf("%d and %d entries after %d", g.young.n, g.old.n, i)
		}
	}
	if g.peek(hashed(&g, 5*maxContext-1)) == 0 || g.peek(hashed(&g, 4*maxContext)) == 0 || g.peek(hashed(&g, 0)) != 0 {
		t.Error("the newest must be kept, the oldest forgotten")
	}
}

// What a table of generations holds is what maps would hold.
func TestGenerationsLikeMaps(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 5)) //nolint:gosec // a test
	g := generations[netKey, int]{seed: maphash.MakeSeed()}
	young, old := map[netKey]int{}, map[netKey]int{}
	put := func(k netKey, v int) {
		if _, ok := young[k]; !ok && len(young) >= maxContext {
			young, old = old, young
			clear(young)
		}
		young[k] = v
	}
	for i := range 8 * maxContext {
		k := netKey(rnd.IntN(3*maxContext) + i/4)
		v, ok := young[k]
		if !ok {
			v, ok = old[k]
		}
		if got := g.peek(hashed(&g, k)); got != v {
			t.Fatalf("step %d: %d, want %d", i, got, v)
		}
		switch rnd.IntN(3) {
		case 0:
			if ok {
				put(k, v)
			}
			if got := g.find(hashed(&g, k)); (got != nil) != ok || ok && *got != v {
				t.Fatalf("step %d: found %v, want %d, %v", i, got, v, ok)
			}
		default:
			put(k, i)
			*g.at(hashed(&g, k)) = i
		}
		if g.young.n != len(young) || g.old.n != len(old) {
			t.Fatalf("step %d: %d and %d entries, want %d and %d", i, g.young.n, g.old.n, len(young), len(old))
		}
	}
}

// TestSteadyStateDoesNotAllocate: in the steady state nothing is allocated.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	d := newDetector(t, deaf(t), builtin(t), Hooks{})
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	i := 0
	flows := make([]argusfeed.Flow, 1)
	next := func() {
		f := at(web, time.Duration(i)*20*time.Second+time.Duration(i%7)*time.Second)
		f.Sport = argusfeed.PortNumber(uint16(1 + i%60000))
		i++
		flows[0] = f
		d.Observe(flows)
	}
	for range 1000 {
		next()
	}
	if n := testing.AllocsPerRun(1000, next); n > 0 {
		t.Errorf("%v allocations a flow", n)
	}
}

// TestCompanyIsOfOthers: an infected host cannot make company for itself, neither
// with connections that it opens nor with senders that nobody answers, and
// nobody outside can have the company of others forgotten.
func TestCompanyIsOfOthers(t *testing.T) {
	web := tupleOf(t, "198.51.100.7", "443", "tcp")
	beacon := func() []argusfeed.Flow {
		flows := visits(web, every(time.Minute), 40)
		for i := range flows {
			flows[i].Start = flows[i].Start.Add(time.Minute)
		}
		return flows
	}
	alone := len(verdicts(t, beacon()))
	if alone < 20 {
		t.Fatalf("%d detections without decoys", alone)
	}
	decoys := func(n int, state string, tuple func(i int) argusfeed.Tuple) []argusfeed.Flow {
		var all []argusfeed.Flow
		for i := range n {
			f := at(tuple(i), time.Duration(i)*time.Millisecond)
			f.State = state
			all = append(all, f)
		}
		return append(all, beacon()...)
	}
	neighbour := func(i int) argusfeed.Tuple { return tupleOf(t, fmt.Sprintf("198.51.100.%d", 20+i), "443", "tcp") }
	forged := func(i int) argusfeed.Tuple {
		return tupleFrom(t, fmt.Sprintf("10.0.9.%d", i+1), "198.51.100.7", "443", "tcp")
	}
	for name, c := range map[string]struct {
		flows []argusfeed.Flow
		least int
	}{
		"a SYN to each of ten neighbours":       {decoys(10, "S_", neighbour), alone},
		"connections to each of 100 neighbours": {decoys(100, "FSPA_FSPA", neighbour), alone / 2},
		"SYNs of 200 senders that do not exist": {decoys(200, "S_RA", forged), alone},
	} {
		if n := len(verdicts(t, c.flows)); n < c.least {
			t.Errorf("%s: %d detections, %d without", name, n, alone)
		}
	}
	if n := len(verdicts(t, decoys(40, "FSPA_FSPA", forged))); n > 0 {
		t.Errorf("40 hosts that are answered: %d detections", n)
	}

	c := newCrowds()
	for i := range 40 {
		meet(c, forged(i), true)
	}
	// A host with a public address is one of ours when it was ever answered.
	own := tupleFrom(t, "192.0.2.7", "198.51.100.7", "443", "tcp")
	for i := range 30 {
		peer := tupleFrom(t, "192.0.2.7", fmt.Sprintf("203.0.%d.9", i), "51413", "tcp")
		if meet(c, peer, false); i == 9 {
			if n := c.peers(own.Src, true); n != 0 {
				t.Errorf("%v peers of somebody unknown", n)
			}
			meet(c, own, true)
		}
	}
	if n := c.peers(own.Src, true); n < 13 || n > 27 {
		t.Errorf("%v peers, there were 20", n)
	}
	before, hosts := c.company(web.Src, web.Dst, true), c.hosts.young.n
	for i := range 3 * maxContext {
		var scan argusfeed.Tuple
		scan.Src = argusfeed.AddrFrom4([4]byte{198, 18 + byte(i>>16), byte(i >> 8), byte(i)})
		scan.Dst = argusfeed.AddrFrom4([4]byte{203, byte(i >> 16), byte(i >> 8), byte(i)})
		scan.Port, scan.Proto = argusfeed.PortNumber(9999), argusfeed.ProtoTCP
		meet(c, scan, false)
	}
	if got := c.company(web.Src, web.Dst, true); got != before || c.hosts.young.n != hosts {
		t.Errorf("after a scan company of %v, before %v; %d sources are noted", got, before, c.hosts.young.n)
	}
}

// TestANameIsNoEvidence: what is only named after something known is generic; what
// a model with evidence speaks for is not.
func TestANameIsNoEvidence(t *testing.T) {
	flows := visits(tupleOf(t, "198.51.100.7", "80", "tcp"), every(time.Minute), 40)
	limits := models.Behaviour{MinContacts: 5, Merge: 500 * time.Millisecond, MinGap: 30 * time.Second, MaxGap: 90 * time.Second, MaxGapSpread: 0.2, MaxSizeSpread: 0.2}
	for _, evidence := range []float64{0, 3} {
		limits := limits
		limits.Evidence = evidence
		set := []models.Model{{Label: "From-Botnet-TCP-HTTP-Known-1", Class: models.ClassMalicious, Kind: models.KindBehaviour, File: "known.toml", Behaviour: &limits}}
		found := newDetector(t, DefaultConfig(), set, Hooks{}).Observe(flows)
		if len(found) == 0 {
			t.Fatalf("evidence %v: nothing found", evidence)
		}
		for _, d := range found {
			if d.Label != set[0].Label || d.Generic != (evidence == 0) || d.Gap != time.Minute {
				t.Errorf("evidence %v: %s, generic %v, gap %s", evidence, d.Label, d.Generic, d.Gap)
			}
		}
	}
}

// TestHowMuchABlockNeeds measures the table of docs/detection.md: go test -v -run
// HowMuch ./detection.
func TestHowMuchABlockNeeds(t *testing.T) {
	const sure, enough = 0.95, 10 // of the shipped policy
	for _, port := range []string{"443", "4444"} {
		for _, c := range []struct {
			name                 string
			jitter, sizes        float64
			failed, pairs        bool
			sureByWeb, sureByOdd uint64 // 0: never
		}{
			{"like a clock, sizes alike", 0, 0, false, false, 70, 20},
			{"gaps ±20 %, sizes alike", 0.2, 0, false, false, 0, 20},
			{"gaps ±20 %, sizes ±10 %", 0.2, 0.1, false, false, 0, 25},
			{"gaps ±50 %, sizes ±30 %", 0.5, 0.3, false, false, 0, 0},
			{"pairs, like a clock", 0, 0, false, true, 0, 40},
			{"a server that is down", 0, 0, true, false, 40, 20},
		} {
			rng := rand.New(rand.NewPCG(11, 12)) //nolint:gosec // a test
			off := func(share float64) float64 { return 1 + share*(2*rng.Float64()-1) }
			flows := visits(tupleOf(t, "198.51.100.7", port, "tcp"), func(int) time.Duration {
				return time.Duration(float64(time.Minute) * off(c.jitter))
			}, 300)
			for i := range flows {
				f := &flows[i]
				f.Bytes = uint64(float64(f.Bytes) * off(c.sizes))
				if c.failed {
					f.State, f.Bytes, f.Packets = "S_", 222, 3
				}
			}
			if c.pairs {
				for _, f := range slices.Clone(flows) {
					f.Start, f.Sport = f.Start.Add(2*time.Second), f.Sport+1000
					flows = append(flows, f)
				}
			}
			slices.SortStableFunc(flows, func(a, b argusfeed.Flow) int { return int(a.Start - b.Start) })
			var first, sureAt, blockAt uint64
			most, matches := 0.0, 0
			d := newDetector(t, DefaultConfig(), builtin(t), Hooks{OnJudge: func(j *Judgement) { most = max(most, j.Probability) }})
			for i := range flows {
				for _, x := range d.Observe(flows[i : i+1]) {
					matches++
					if first == 0 {
						first = x.Flows
					}
					if x.Score >= sure && sureAt == 0 {
						sureAt = x.Flows
					}
					if x.Score >= sure && matches >= enough && blockAt == 0 {
						blockAt = x.Flows
					}
				}
			}
			t.Logf("| %s | %s | %d | %d | %d | %.3f |", c.name, port, first, sureAt, blockAt, most)
			by := c.sureByWeb
			if port == "4444" {
				by = c.sureByOdd
			}
			if (by == 0) != (sureAt == 0) || sureAt > by {
				t.Errorf("port %s, %s: %d flows until %v, want at most %d (0: never)", port, c.name, sureAt, sure, by)
			}
		}
	}
}
