package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"slips-ips/agent"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/models"
)

// stages are what is measured, by name; n is what follows the name.
var stages = map[string]func(ctx context.Context, o options, n int) (figures, error){
	"reference": func(ctx context.Context, o options, _ int) (figures, error) {
		return replay(ctx, o.office, o.models, argusfeed.Joining{Off: true})
	},
	"joined": func(ctx context.Context, o options, _ int) (figures, error) {
		return replay(ctx, o.office, o.models, argusfeed.Joining{})
	},
	"office": func(ctx context.Context, o options, _ int) (figures, error) {
		return replay(ctx, o.office, "", argusfeed.Joining{})
	},
	"once": func(ctx context.Context, o options, _ int) (figures, error) {
		return replay(ctx, o.once, "", argusfeed.Joining{Off: true})
	},
	"once-alone": func(_ context.Context, o options, _ int) (figures, error) { return onceAlone(o) },
	"steady":     func(_ context.Context, o options, n int) (figures, error) { return known(o, n, 3, "", 3*o.flows) },
	"tuples":     func(_ context.Context, o options, n int) (figures, error) { return table(o, n, "") },
	"tuples-ref": func(_ context.Context, o options, n int) (figures, error) { return table(o, n, o.models) },
	"memory":     func(_ context.Context, _ options, n int) (figures, error) { return memory(n) },
	"models":     func(_ context.Context, o options, n int) (figures, error) { return manyModels(o, n) },
	"letters":    func(_ context.Context, o options, n int) (figures, error) { return letters(o, n) },
	"idle":       idle,
}

// clock measures what happens from start on.
type clock struct {
	begun  time.Time
	cpu    float64
	allocs uint64
}

func start() clock {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return clock{begun: time.Now(), cpu: cpuSeconds(), allocs: m.Mallocs}
}

func (c clock) stop(flows uint64) figures {
	f := figures{Flows: flows, Seconds: time.Since(c.begun).Seconds(), CPU: cpuSeconds() - c.cpu}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	f.Allocs, f.Heap, f.Resident = m.Mallocs-c.allocs, m.HeapAlloc, peak(os.Getpid())
	return f
}

func cpuSeconds() float64 {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// peak is the most resident memory that a process ever had, in bytes; 0 where that
// is not known.
func peak(pid int) uint64 {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		var kib uint64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}

func config(folder string) detection.Config {
	c := detection.DefaultConfig()
	if folder != "" {
		c.Scoring, c.Models = detection.ScoringReference, folder
	}
	return c
}

// replay runs a file through decoder, detection and policy, as slips-ips replay.
func replay(ctx context.Context, file, folder string, joining argusfeed.Joining) (figures, error) {
	c := agent.DefaultConfig()
	c.Detection = config(folder)
	clock := start()
	r, err := agent.Replay(ctx, agent.ReplayOptions{Config: c, Files: []string{file}, Joining: joining})
	if err != nil {
		return figures{}, err
	}
	f := clock.stop(r.Flows + r.Joined.Merged + r.Joined.Strays)
	f.Tuples = r.Tuples
	return f, nil
}

// detector makes one for so many tuples.
func detector(most int, set []models.Model, c detection.Config) (*detection.Detector, error) {
	c.MaxTuples = most
	return detection.New(c, set, detection.Hooks{})
}

func builtin(folder string) ([]models.Model, error) {
	if folder == "" {
		return models.Builtin()
	}
	set, _, err := models.LoadDir(folder)
	return set, err
}

// onceAlone is detection alone, on one goroutine: tuples that are never seen again.
func onceAlone(o options) (figures, error) {
	return known(o, detection.DefaultConfig().MaxTuples, 0, "", 0)
}

// table is detection alone with so many tuples: of four flows three are of a tuple
// that is known, whichever, and one is of a new one.
func table(o options, tuples int, folder string) (figures, error) {
	return known(o, tuples, 3, folder, 0)
}

// known runs so many flows more before it measures.
func known(o options, tuples, ofFour int, folder string, warm int) (figures, error) {
	set, err := builtin(folder)
	if err != nil {
		return figures{}, err
	}
	d, err := detector(tuples, set, config(folder))
	if err != nil {
		return figures{}, err
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	fresh, at := uint32(0), first
	next := func(i int, f *argusfeed.Flow) {
		at += 10
		if fresh > uint32(tuples/2) && i%4 < ofFour {
			flowOf(f, fresh-1-rnd.Uint32N(uint32(tuples/2)), at)
			return
		}
		flowOf(f, fresh, at)
		fresh++
	}
	found := 0
	do := func(b []argusfeed.Flow) { found += len(d.Observe(b)) }
	batches(2*tuples+warm, next, do)
	runtime.GC()
	clock := start()
	batches(o.flows, next, do)
	f := clock.stop(uint64(o.flows))
	f.Tuples = d.Stats().Tuples
	return f, nil
}

// memory holds so many tuples of a usual mix, with the default scorer.
func memory(tuples int) (figures, error) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(agent.GCPercent) // as slips-ips does
	}
	set, err := models.Builtin()
	if err != nil {
		return figures{}, err
	}
	d, err := detector(tuples, set, detection.DefaultConfig())
	if err != nil {
		return figures{}, err
	}
	clock := start()
	flows := uint64(0)
	rnd := rand.New(rand.NewPCG(2, 2))
	at := first
	for round := range 60 {
		i := 0
		at += argusfeed.Time(60+rnd.IntN(1000)) * 1e6 // no beacons: few tuples are
		left := 0
		for k := range tuples {
			if flowsOfTuple(k) > round {
				left++
			}
		}
		batches(left, func(k int, f *argusfeed.Flow) {
			for flowsOfTuple(i) <= round {
				i++
			}
			flowOf(f, uint32(i), at+argusfeed.Time(k)*60e6/argusfeed.Time(left))
			f.Bytes = uint64(200 + rnd.IntN(20_000))
			i++
		}, func(b []argusfeed.Flow) { d.Observe(b) })
		flows += uint64(left)
	}
	f := clock.stop(flows)
	f.Tuples = d.Stats().Tuples
	if f.Tuples != tuples {
		return f, fmt.Errorf("%d tuples are held, not %d", f.Tuples, tuples)
	}
	return f, nil
}

// manyModels is the reference scorer with so many models: those of the folder, over
// and over.
func manyModels(o options, n int) (figures, error) {
	set, err := builtin(o.models)
	if err != nil || len(set) == 0 {
		return figures{}, errors.Join(errors.New("no models"), err)
	}
	var all []models.Model
	for i := range n {
		m := set[i%len(set)]
		m.File, m.Proto = fmt.Sprintf("%d-%s", i, m.File), "tcp"
		all = append(all, m)
	}
	return long(o, all, 20)
}

// letters is the reference scorer with tuples of so many letters.
func letters(o options, n int) (figures, error) {
	set, err := builtin(o.models)
	if err != nil {
		return figures{}, err
	}
	return long(o, set, n)
}

// long is the reference scorer with a thousand tuples, of which each begins anew
// when it has so many flows.
func long(o options, set []models.Model, flows int) (figures, error) {
	const tuples = 1000
	c := detection.DefaultConfig()
	c.Scoring, c.ForgetAfter = detection.ScoringReference, 0
	for i := range set { // these win silently: a detection is told in words, which is another cost
		set[i].Class = models.ClassNormal
	}
	d, err := detector(8*tuples, set, c) // so many new ones always have room
	if err != nil {
		return figures{}, err
	}
	at := first
	next := func(i int, f *argusfeed.Flow) {
		at += 7e5 + argusfeed.Time(i*i%997)*1000
		flowOf(f, uint32(i/tuples/flows*tuples+i%tuples), at)
		f.Bytes, f.Dur = uint64(i*31%1500), time.Duration(i*17%400)*time.Millisecond
	}
	do := func(b []argusfeed.Flow) { d.Observe(b) }
	batches(tuples*flows/2, next, do)
	clock := start()
	batches(o.flows, func(i int, f *argusfeed.Flow) { next(i+tuples*flows/2, f) }, do)
	return clock.stop(uint64(o.flows)), nil
}
