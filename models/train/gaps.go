package train

import (
	"math"
	"math/rand/v2"
)

// Letters tell the class of a gap and how it compares with the one before. The
// middle of what they allow is a bad guess: gaps that are "not periodic" within
// five seconds become a steady up and down, and that is regular where two of
// them are one contact. So gaps are drawn at random from all that the letters
// allow, several times, by Gibbs sampling: each gap in turn, given its
// neighbours, and then how the gaps of a class are spread, given the gaps.
//
// Before there are letters, the logarithms of the gaps of one class of a tuple
// are normal, cut off at the bounds of the class, around a centre anywhere in
// it, and any of gapSpreads is as likely as another.

// gapSpreads are what the standard deviation of the logarithm may be: from a
// clock to anything.
var gapSpreads = [...]float64{0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6}

const (
	gapCentres  = 24 // centres that are tried for each class
	gapSettle   = 30 // rounds before the first draw, which forget where it began
	gapBetween  = 5  // rounds from one draw to the next
	hourSpread  = 1  // of gaps of an hour or more: anything within their hour
	gapClasses  = len(gapSymbols)
	ratioMargin = 1e-4 // so that rounding to a microsecond stays in the class
)

// ratios are the bounds of the logarithm of the ratio of two gaps, by
// regularity.
var ratios = [5]interval{
	{0, math.Inf(1)},
	{0, math.Log(1.05) - ratioMargin},
	{math.Log(1.05) + ratioMargin, math.Log(1.3) - ratioMargin},
	{math.Log(1.3) + ratioMargin, math.Log(5) - ratioMargin},
	{math.Log(5) + ratioMargin, math.Inf(1)},
}

type interval struct{ low, high float64 }

// gapDraws draws the gaps of one string of letters. It is not safe for
// concurrent use.
type gapDraws struct {
	all []spelled
	// log are the logarithms of the gaps in seconds, within their bounds; the
	// first flow has none.
	log    []float64
	bounds []interval
	// centre and spread are those of the classes.
	centre, spread [gapClasses]float64
	rng            *rand.Rand
	allowed, next  []interval // scratch
}

// drawGaps gives n times the gaps before each flow, in seconds; the first is 0.
// The same seed gives the same again.
func drawGaps(all []spelled, seed uint64, n int) [][]float64 {
	d := &gapDraws{all: all, log: make([]float64, len(all)), bounds: make([]interval, len(all)),
		rng: rand.New(rand.NewPCG(seed, 5))} //nolint:gosec // the same again is what it is for
	for i, gap := range middleGaps(all) {
		if i == 0 {
			continue
		}
		const hour, day = 3600, 86400
		low, high := float64(hour), float64(day) // the second flow has no zeros, however late it is
		switch c, zeros := all[i].symbol, float64(all[i].zeros); {
		case c >= 0:
			low, high = rangeGap[c][0], rangeGap[c][1]
		case zeros > 0:
			low, high = hour*zeros, hour*(zeros+1)
		}
		d.bounds[i] = interval{math.Log(low) + ratioMargin, math.Log(high) - ratioMargin}
		d.log[i] = max(d.bounds[i].low, min(d.bounds[i].high, math.Log(gap)))
	}
	out := make([][]float64, 0, n)
	for round := 1; len(out) < n; round++ {
		d.classes()
		for i := 1; i < len(all); i++ {
			d.gap(i)
		}
		if round <= gapSettle || (round-gapSettle)%gapBetween != 0 {
			continue
		}
		gaps := make([]float64, len(all))
		for i := 1; i < len(all); i++ {
			gaps[i] = math.Exp(d.log[i])
		}
		out = append(out, gaps)
	}
	return out
}

// classes draws centre and spread of each class, given its gaps.
func (d *gapDraws) classes() {
	var n, sum, squares [gapClasses]float64
	for i := 1; i < len(d.all); i++ {
		if c := d.all[i].symbol; c >= 0 {
			n[c], sum[c], squares[c] = n[c]+1, sum[c]+d.log[i], squares[c]+d.log[i]*d.log[i]
		}
	}
	var likely [gapCentres * len(gapSpreads)]float64
	var centres [gapCentres]float64
	for c := range gapClasses {
		if n[c] == 0 {
			continue
		}
		low, high := math.Log(rangeGap[c][0]), math.Log(rangeGap[c][1])
		most := math.Inf(-1)
		for k := range centres {
			m := low + (high-low)*(float64(k)+d.rng.Float64())/gapCentres
			centres[k] = m
			off := squares[c] - 2*m*sum[c] + n[c]*m*m
			for j, s := range gapSpreads {
				within := normal((high-m)/s) - normal((low-m)/s)
				l := -n[c]*math.Log(s*within) - off/(2*s*s)
				likely[k*len(gapSpreads)+j] = l
				most = max(most, l)
			}
		}
		total := 0.0
		for i := range likely {
			likely[i] = math.Exp(likely[i] - most)
			total += likely[i]
		}
		at := d.rng.Float64() * total
		for i := range likely {
			if at -= likely[i]; at <= 0 {
				d.centre[c], d.spread[c] = centres[i/len(gapSpreads)], gapSpreads[i%len(gapSpreads)]
				break
			}
		}
	}
}

// gap draws one gap, given the others. Where letters contradict each other, and
// so allow none, it stays.
func (d *gapDraws) gap(i int) {
	d.allowed = append(d.allowed[:0], d.bounds[i])
	if r := d.all[i].regularity; r > 0 && i > 1 {
		d.keep(d.log[i-1], ratios[r])
	}
	if i+1 < len(d.all) && d.all[i+1].regularity > 0 {
		d.keep(d.log[i+1], ratios[d.all[i+1].regularity])
	}
	centre, spread := (d.bounds[i].low+d.bounds[i].high)/2, float64(hourSpread)
	if c := d.all[i].symbol; c >= 0 {
		centre, spread = d.centre[c], d.spread[c]
	}
	d.next = d.next[:0] // the allowed intervals, as parts of the distribution
	total := 0.0
	for _, a := range d.allowed {
		part := interval{normal((a.low - centre) / spread), normal((a.high - centre) / spread)}
		d.next = append(d.next, part)
		total += part.high - part.low
	}
	const impossible = 1e-12 // so far out that the numbers tell no more where in the interval
	flat := total < impossible
	if flat {
		d.next, total = append(d.next[:0], d.allowed...), 0
		for _, a := range d.allowed {
			total += a.high - a.low
		}
	}
	at := d.rng.Float64() * total
	for k, part := range d.next {
		if width := part.high - part.low; at > width {
			at -= width
			continue
		}
		x := part.low + at
		if !flat {
			x = centre + spread*math.Sqrt2*math.Erfinv(2*x-1)
		}
		d.log[i] = max(d.allowed[k].low, min(d.allowed[k].high, x))
		return
	}
}

// keep leaves of the allowed intervals what is away from x by what ratio says, on
// either side.
func (d *gapDraws) keep(x float64, ratio interval) {
	d.next = d.next[:0]
	for _, a := range d.allowed {
		for _, side := range [...]interval{{x - ratio.high, x - ratio.low}, {x + ratio.low, x + ratio.high}} {
			if low, high := max(a.low, side.low), min(a.high, side.high); low < high {
				d.next = append(d.next, interval{low, high})
			}
		}
	}
	d.allowed, d.next = d.next, d.allowed
}

// normal is the distribution function of the normal distribution.
func normal(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
