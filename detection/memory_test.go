package detection

import (
	"runtime"
	"testing"
	"time"

	"slips-ips/argusfeed"
)

// flowsOfTuple says how many flows number i of many tuples has: as those of a
// university's network have (CTU-13, scenario 6), in hundreds of tuples.
func flowsOfTuple(i int) int {
	switch n := i * 7919 % 1000; {
	case n < 750:
		return 1
	case n < 930:
		return 2
	case n < 960:
		return 3
	case n < 970:
		return 4
	case n < 989:
		return 6
	case n < 998:
		return 14
	}
	return 60
}

// A tuple of such a mix takes 300 bytes, with all that leads to it.
func TestMemoryOfAMix(t *testing.T) {
	const n = 100_000
	for _, scoring := range []Scoring{ScoringBehaviour, ScoringReference} {
		cfg := DefaultConfig()
		cfg.Scoring, cfg.MaxTuples, cfg.Width = scoring, n, 24*time.Hour
		set := builtin(t)
		if scoring == ScoringReference {
			set = letterModels()
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		d := newDetector(t, cfg, set, Hooks{})
		batch := make([]argusfeed.Flow, 0, n)
		for round := range 60 {
			batch = batch[:0]
			for i := range n {
				if flowsOfTuple(i) <= round {
					continue
				}
				f := at(numbered(uint32(0x0a000000+i%1000)), time.Duration(round)*time.Minute+time.Duration(i)*100*time.Microsecond)
				f.Dst = argusfeed.AddrFrom4([4]byte{198, byte(i >> 16), byte(i >> 8), byte(i)})
				f.Port, f.Sport = argusfeed.PortNumber(443), argusfeed.PortNumber(uint16(round*31+i))
				f.Dur, f.Bytes, f.Packets, f.State = time.Duration(i%3000)*time.Millisecond, uint64(100+i%1500), 8, "FSPA_FSPA"
				batch = append(batch, f)
			}
			d.Observe(batch)
		}
		batch = nil
		runtime.GC()
		runtime.ReadMemStats(&after)
		if s := d.Stats(); s.Tuples != n {
			t.Fatalf("%+v", s)
		}
		perTuple := (after.HeapAlloc - before.HeapAlloc) / n
		t.Logf("%s: %d bytes a tuple, %d young, %d series", scoring, perTuple, d.tuples.youngs.used, d.tuples.series.used)
		if perTuple > 300 {
			t.Errorf("%s: %d bytes a tuple", scoring, perTuple)
		}
		runtime.KeepAlive(d)
	}
}
