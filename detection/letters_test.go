package detection

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"slips-ips/argusfeed"
)

func TestLetterOf(t *testing.T) {
	sizes := []uint64{0, 250, 251, 1100, 1101, math.MaxUint64}
	durations := []time.Duration{0, 100 * time.Millisecond, 100*time.Millisecond + 1, 10 * time.Second, 10*time.Second + 1, math.MaxInt64}
	for r, letters := range []string{"123456789", "abcdefghi", "ABCDEFGHI", "rstuvwxyz", "RSTUVWXYZ"} {
		for i, size := range sizes {
			for k, d := range durations {
				if got, want := letterOf(regularity(r), size, d), letters[i/2*3+k/2]; got != want {
					t.Errorf("regularity %d, %d bytes, %v: %c, want %c", r, size, d, got, want)
				}
			}
		}
	}
}

func TestRegularity(t *testing.T) {
	for _, c := range []struct {
		ratio float64
		want  regularity
	}{
		{-3, strong}, {0, strong}, {1, strong}, {1.05, strong}, {1.050001, weak}, {1.299999, weak}, {1.3, loose},
		{4.999999, loose}, {5, irregular}, {1e15, irregular}, {math.Inf(1), irregular},
	} {
		if got := regularityOf(c.ratio); got != c.want {
			t.Errorf("ratio %v: %d, want %d", c.ratio, got, c.want)
		}
	}
}

// TestRoundToMicros has what Python 2.7 gives for
// timedelta(seconds=x).total_seconds().
func TestRoundToMicros(t *testing.T) {
	for _, c := range []struct{ x, want float64 }{
		{1.05, 1.05}, {1.0500004, 1.05}, {1.0500005, 1.05}, {1.05000049999, 1.05}, {1.0500014999, 1.050001},
		{1.3, 1.3}, {1.2999995, 1.3}, {1.2999994, 1.299999}, {4.9999995, 5.0}, {4.9999994, 4.999999}, {5.0, 5.0},
		{0.4, 0.4}, {-2.0, -2.0}, {-1.0000005, -1.000001}, {29999999.5, 29999999.5}, {0.3333333333333333, 0.333333},
		{666666666666.6666, 666666666666.6666}, {3333333333.3333335, 3333333333.333333},
		{123456.7890125, 123456.789012}, {8500000000.123457, 8500000000.123457},
	} {
		if got := roundToMicros(c.x); got != c.want {
			t.Errorf("%v: %v, want %v", c.x, got, c.want)
		}
	}
	if got := roundToMicros(1e16); got != 1e16 {
		t.Errorf("a ratio beyond Python's largest timedelta: %v", got)
	}
}

func TestGapRatio(t *testing.T) {
	for _, c := range []struct{ before, newest, want float64 }{
		{10, 10, 1}, {10, 20, 2}, {20, 10, 2}, {0, 0, 1}, {0, 3, 1}, {3, 0, 1},
		{10, -5, -2}, {-5, 10, -2}, {-10, -5, 0.5}, {-2, 0, 0}, {0, -1, 0}, {3, -3, -1},
	} {
		if got := gapRatio(c.before, c.newest); got != c.want {
			t.Errorf("gaps %v and %v: %v, want %v", c.before, c.newest, got, c.want)
		}
	}
}

// TestLettersOfGaps feeds flows of 300 bytes and 1 second with the given gaps.
func TestLettersOfGaps(t *testing.T) {
	const s = int64(1e6)
	for _, c := range []struct {
		name string
		gaps []int64
		want string
	}{
		{"first flow", nil, "5"},
		{"symbols at their limits", []int64{5 * s, 5*s + 1, 60 * s, 60*s + 1, 300 * s, 300*s + 1}, "55.e,V,e+V+e*"},
		{"no zeros for the first gap but with the next", []int64{7200 * s, 10 * s}, "5500V,"},
		{"an hour has a zero and a star", []int64{3600 * s, 3600 * s}, "55*0e*"},
		{"more than an hour has no symbol", []int64{10 * s, 3600*s + 1}, "55,0V"},
		{"a long gap shows twice", []int64{10 * s, 7200 * s, 10 * s, 10 * s}, "55,00V00V,e,"},
		{"just below the hour", []int64{10 * s, 3600*s - 1, 10 * s}, "55,V*V,"},
		{"same time", []int64{0, 0, 3 * s}, "55.e.e."},
	} {
		d, err := New(referenceConfig(24*time.Hour), nil, Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		at := argusfeed.Time(0)
		flow := argusfeed.Flow{Bytes: 300, Dur: time.Second}
		d.Observe([]argusfeed.Flow{flow})
		for _, gap := range c.gaps {
			at += argusfeed.Time(gap)
			flow.Start = at
			d.Observe([]argusfeed.Flow{flow})
		}
		for info := range d.Tuples() {
			if info.Letters != c.want {
				t.Errorf("%s: %q, want %q", c.name, info.Letters, c.want)
			}
		}
	}
}

func referenceConfig(width time.Duration) Config {
	cfg := DefaultConfig()
	cfg.Scoring, cfg.Width = ScoringReference, width
	return cfg
}

// The quick way of rounding gives what Python's timedelta gives.
func TestQuickRounding(t *testing.T) {
	naive := func(x float64) float64 {
		whole, rest := math.Modf(x)
		micros, rest := math.Modf(float64(rest * 1e6))
		if x >= 0 {
			micros += math.Floor(rest + 0.5)
		} else {
			micros += math.Ceil(rest - 0.5)
		}
		return float64(float64(whole*1e6)+micros) / 1e6
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Range(1, 1<<50).Draw(t, "a"), rapid.Int64Range(1, 1<<40).Draw(t, "b")
		for _, x := range []float64{float64(a) / float64(b), 1 + float64(b)/float64(1<<41), float64(b) / 2e6, 1<<33 - 0x1p-19} {
			if x >= 1<<33 {
				continue
			}
			if got, want := roundToMicros(x), naive(x); got != want {
				t.Fatalf("%v is rounded to %v, want %v", x, got, want)
			}
			if got, want := roundToMicros(-x), naive(-x); got != want {
				t.Fatalf("%v is rounded to %v, want %v", -x, got, want)
			}
		}
	})
}
