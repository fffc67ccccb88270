package detection

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// Where the crowds need not be asked, nothing is other than if they were: who is
// detected and who nearly, and what is remembered of the crowds. Somebody who is told of
// every look has them asked at each.
func TestAskingOnlyWhereItMatters(t *testing.T) {
	wrong := defaultClassifier(t)
	wrong.Weights = maps.Clone(wrong.Weights)
	wrong.Weights["company"], wrong.Weights["crowd"], wrong.Weights["odd_port"] = 0.4, 0.3, -1
	for name, classifier := range map[string]*models.Classifier{"default": nil, "wrong signs": &wrong} {
		cfg := DefaultConfig()
		cfg.Classifier = classifier
		asking := newDetector(t, cfg, builtin(t), Hooks{OnJudge: func(*Judgement) {}})
		sparing := newDetector(t, cfg, builtin(t), Hooks{})
		var all []Detection
		kept := 0
		for batch := range slices.Chunk(mixedVisits(t), 100) {
			want := slices.Clone(asking.Observe(batch))
			if diff := cmp.Diff(want, sparing.Observe(batch), cmp.AllowUnexported(argusfeed.Addr{})); diff != "" {
				t.Fatalf("%s: %s", name, diff)
			}
			all = append(all, want...)
			kept += countKept(sparing)
			if one, other := asking.tuples.lists, sparing.tuples.lists; one != other {
				t.Fatalf("%s: tiers %v where all are asked, %v", name, one, other)
			}
		}
		if len(all) < 100 || kept < 100 {
			t.Errorf("%s: %d detections, and %d looks without asking", name, len(all), kept)
		}
		one, other := asking.scorer.(*behaviour).crowds, sparing.scorer.(*behaviour).crowds
		one.later.settle()
		other.later.settle()
		if !maps.Equal(held(&one.networks.young), held(&other.networks.young)) || !maps.Equal(held(&one.networks.old), held(&other.networks.old)) {
			t.Errorf("%s: other networks are remembered", name)
		}
		if !maps.Equal(held(&one.hosts.young), held(&other.hosts.young)) {
			t.Errorf("%s: other hosts are remembered", name)
		}
	}
}

// countKept counts the looks without asking that still wait.
func countKept(d *Detector) (n int) {
	for _, m := range d.scorer.(*behaviour).crowds.later.waiting {
		if m.what == meetingKept {
			n++
		}
	}
	return n
}

// mixedVisits are those of many hosts to few networks, from clockwork to chance. There
// is more to remember than a generation holds.
func mixedVisits(t testing.TB) []argusfeed.Flow {
	rnd := rand.New(rand.NewPCG(5, 5)) //nolint:gosec // a test
	var all []argusfeed.Flow
	for i := range 600 {
		src, dst := fmt.Sprintf("10.0.%d.7", rnd.IntN(200)), fmt.Sprintf("198.51.%d.%d", rnd.IntN(120), rnd.IntN(4))
		port := []string{"443", "4444", "53", "51413"}[i%4]
		gap, jitter, size := 20+rnd.Float64()*100, rnd.Float64()*rnd.Float64(), rnd.Float64()*rnd.Float64()
		first := time.Duration(rnd.IntN(600)) * time.Second
		flows := visits(tupleFrom(t, src, dst, port, "tcp"), func(int) time.Duration {
			return time.Duration(gap * (1 + jitter*rnd.NormFloat64()) * float64(time.Second))
		}, 5+rnd.IntN(30))
		for k := range flows {
			f := &flows[k]
			f.Start = f.Start.Add(first)
			f.Bytes = uint64(900 * (1 + size*rnd.Float64()))
		}
		all = append(all, flows...)
	}
	for range 2 * maxContext {
		n := rnd.Uint32()
		f := at(tupleFrom(t, fmt.Sprintf("10.%d.%d.%d", 1+n&63, n>>6&255, rnd.IntN(100)), fmt.Sprintf("%d.%d.%d.9", 11+n>>28, n>>20&255, n>>12&255), "443", "tcp"),
			time.Duration(rnd.IntN(3600))*time.Second)
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b argusfeed.Flow) int { return int(a.Start - b.Start) })
	return all
}
