package detection

import (
	"math"
	"time"

	"slips-ips/argusfeed"
)

// The limits of the classes, as the original had them. A value at the limit
// belongs to the lower class, except for the ratios that say "below".
const (
	smallBytes  = 250
	mediumBytes = 1100

	shortDuration  = 100 * time.Millisecond
	mediumDuration = 10 * time.Second

	strongRatio = 1.05 // up to
	weakRatio   = 1.3  // below
	looseRatio  = 5    // below
)

// Gaps in microseconds: the limits of the symbols, and the hour of a zero.
const (
	gapDot   argusfeed.Time = 5e6
	gapComma argusfeed.Time = 60e6
	gapPlus  argusfeed.Time = 300e6
	gapStar  argusfeed.Time = 3600e6
	hour     argusfeed.Time = 3600e6
)

// regularity says how alike the last two gaps of a tuple are.
type regularity uint8

const (
	unknown regularity = iota // fewer than two gaps
	strong
	weak
	loose
	irregular
)

// regularityOf classes the ratio of two gaps. Ratios below 1 come from flows
// out of order; the original took them for strong.
func regularityOf(ratio float64) regularity {
	switch {
	case ratio <= strongRatio:
		return strong
	case ratio < weakRatio:
		return weak
	case ratio < looseRatio:
		return loose
	}
	return irregular
}

// firstLetters are the letters of small and short flows, by regularity.
const firstLetters = "1aArR"

func letterOf(r regularity, bytes uint64, d time.Duration) byte {
	letter := firstLetters[r]
	switch {
	case bytes > mediumBytes:
		letter += 6
	case bytes > smallBytes:
		letter += 3
	}
	switch {
	case d > mediumDuration:
		letter += 2
	case d > shortDuration:
		letter++
	}
	return letter
}

// gapSymbol gives the symbol after the letter of a flow that came gap after
// the one before; 0 where there is none. A gap below 0 counts as none at all.
func gapSymbol(gap argusfeed.Time) byte {
	switch {
	case gap <= gapDot:
		return '.'
	case gap <= gapComma:
		return ','
	case gap <= gapPlus:
		return '+'
	case gap <= gapStar:
		return '*'
	}
	return 0
}

// silentHours is the number of zeros before a letter: the whole hours of the
// newest gap or, where it has none, of the one before. So a long gap shows
// twice, as in the original.
func silentHours(newest, before argusfeed.Time) int {
	if newest >= hour {
		return int(newest / hour)
	}
	return int(max(0, before) / hour)
}

// inSeconds gives the seconds of a gap as Python's timedelta.total_seconds
// does: the float nearest to the exact quotient.
func inSeconds(gap argusfeed.Time) float64 {
	const micros = 1e6
	if gap > -1<<53 && gap < 1<<53 {
		return float64(gap) / micros
	}
	// Beyond 285 years the microseconds do not fit a float; the whole seconds do.
	return float64(gap/micros) + float64(gap%micros)/micros
}

// gapRatio gives the larger of two gaps over the smaller, both in seconds, as
// the original computed it: through a timedelta, which rounds it to a
// microsecond, and 1 where it would divide by zero.
func gapRatio(before, newest float64) float64 {
	over, under := newest, before
	if newest <= before {
		over, under = before, newest
	}
	if under == 0 {
		return 1
	}
	return roundToMicros(over / under)
}

// roundToMicros rounds as Python 2.7's timedelta(seconds=x).total_seconds()
// does: the digits after the microsecond half away from zero. The products
// must not be fused with the sums around them, hence the conversions.
func roundToMicros(x float64) float64 {
	// From here on neighbouring floats are further apart than a microsecond.
	const coarse = 1 << 33
	if x >= 0 && x < coarse { // the same as below, without four calls
		whole := float64(int64(x))
		rest := float64(float64(x-whole) * 1e6)
		micros := float64(int64(rest))
		micros += float64(int64(float64(rest-micros) + 0.5))
		return float64(float64(whole*1e6)+micros) / 1e6
	}
	if x >= coarse || x <= -coarse || math.IsNaN(x) {
		return x
	}
	whole, rest := math.Modf(x)
	micros, rest := math.Modf(float64(rest * 1e6))
	if x >= 0 {
		micros += math.Floor(rest + 0.5)
	} else {
		micros += math.Ceil(rest - 0.5)
	}
	return float64(float64(whole*1e6)+micros) / 1e6
}

// mark is what one flow adds to the letters of its tuple.
type mark struct {
	// before and newest are the last two gaps; gaps says how many there are.
	before, newest argusfeed.Time
	gaps           int
	// ratio is theirs, where there are two.
	ratio float64

	zeros  int
	letter byte
	symbol byte // 0: none
}

// of works out what f adds to t, of which it is the newest flow.
func (m *mark) of(t *tuple, f *argusfeed.Flow) {
	*m = mark{gaps: int(min(t.flows, 2))}
	regular := unknown
	if m.gaps >= 1 {
		m.newest = f.Start - t.last
		m.symbol = gapSymbol(m.newest)
	}
	if m.gaps == 2 {
		m.before = t.gap
		m.ratio = gapRatio(inSeconds(m.before), inSeconds(m.newest))
		m.zeros = silentHours(m.newest, m.before)
		regular = regularityOf(m.ratio)
	}
	m.letter = letterOf(regular, f.Bytes, f.Dur)
}

// size is the number of letters and symbols.
func (m *mark) size() int {
	n := m.zeros + 1
	if m.symbol != 0 {
		n++
	}
	return n
}

// appendTo adds the letters to b, with at most maxZeros zeros.
func (m *mark) appendTo(b []byte, maxZeros int) []byte {
	for range min(m.zeros, maxZeros) {
		b = append(b, '0')
	}
	b = append(b, m.letter)
	if m.symbol != 0 {
		b = append(b, m.symbol)
	}
	return b
}
