package detection

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"slips-ips/argusfeed"
)

func drawDetectionConfig(t *rapid.T, scoring Scoring) Config {
	cfg := scoringConfig(scoring)
	pick := func(name string, from ...int) int { return rapid.SampledFrom(from).Draw(t, name) }
	cfg.Width = time.Duration(pick("width", 1, 60, 3600)) * time.Second
	cfg.MinLetters = pick("min_letters", 0, 3, 12)
	cfg.ForgetAfter = pick("forget_after", 0, 4, 100)
	cfg.MaxTuples = pick("max_tuples", 16, 17, 100)
	cfg.MaxLetters = pick("max_letters", 64, 1<<16)
	cfg.MaxJump = time.Duration(pick("max_jump", 1, 60)) * time.Minute
	cfg.MaxLate = time.Duration(pick("max_late", 1, 3600)) * time.Second
	return cfg
}

// A detector that was given another configuration goes on as one made with it.
func TestReconfiguredIsAsIfMadeSo(t *testing.T) {
	found := 0
	rapid.Check(t, func(rt *rapid.T) {
		scoring := rapid.SampledFrom([]Scoring{ScoringReference, ScoringBehaviour}).Draw(rt, "scoring")
		set := append(drawModels(rt, scoring, "set"), beaconModel("z"))
		cfg, flows := drawDetectionConfig(rt, scoring), drawFlows(rt)
		d := newDetector(t, drawDetectionConfig(rt, scoring), set, Hooks{})
		d.clock(0) // a clock that was made before
		if err := d.Reconfigure(cfg); err != nil {
			rt.Fatal(err)
		}
		if d.set != 0 {
			rt.Fatal("the models were replaced")
		}
		want := newDetector(t, cfg, set, Hooks{})
		if diff := cmp.Diff(want.Observe(flows), d.Observe(flows), compareTuples, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatal(diff)
		}
		want.Finish()
		d.Finish()
		if diff := cmp.Diff(want.Stats(), d.Stats()); diff != "" {
			rt.Fatal(diff)
		}
		found += int(d.Stats().Detections)
	})
	if found == 0 {
		t.Error("no detection: nothing was tested")
	}
}

// A table that is made smaller gets there, those first that have been silent for
// the longest.
func TestSmallerTable(t *testing.T) {
	cfg := DefaultConfig()
	cfg.MaxTuples = 200
	d := newDetector(t, cfg, nil, Hooks{})
	observe := func(from, to int) {
		for i := from; i < to; i++ {
			d.Observe([]argusfeed.Flow{at(numbered(uint32(i)), time.Duration(i)*time.Millisecond)})
		}
	}
	observe(0, 200)
	cfg.MaxTuples = 50
	if err := d.Reconfigure(cfg); err != nil {
		t.Fatal(err)
	}
	observe(200, 300)
	if s := d.Stats(); s.Tuples != 100 || s.Evicted != 200 {
		t.Errorf("half way: %+v", s)
	}
	observe(300, 400)
	if s := d.Stats(); s.Tuples != 50 || s.Evicted != 350 {
		t.Errorf("at the end: %+v", s)
	}
	// A few older ones may be spared: their places are shared.
	if _, known := d.Lookup(numbered(360), 0); !known {
		t.Error("a new tuple is gone")
	}
	if _, known := d.Lookup(numbered(300), 0); known {
		t.Error("an old tuple is still there")
	}
}
