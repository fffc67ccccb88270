package picture

import (
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// The size of a picture with axes, and its frame.
const (
	chartWidth, chartHeight           = 560.0, 200.0
	left, right, top, bottom          = 62.0, 548.0, 30.0, 164.0
	markRadius, leastSpan, maxBuckets = 3.0, 1e-9, 12
	charWidth                         = 7.2 // at most, of digits in the axes' font
)

// chart is a picture with a frame and scales.
type chart struct {
	*Picture
	x, y scale
}

func newChart(title, xName, yName string, x, y scale) *chart {
	c := &chart{newPicture(title, chartWidth, chartHeight), x, y}
	c.text(left, 18, "ti", "start", title)
	c.text((left+right)/2, chartHeight-6, "q", "middle", xName)
	fmt.Fprintf(&c.body, `<text class="q" transform="translate(12 %.0f) rotate(-90)" text-anchor="middle">%s</text>`, (top+bottom)/2, yName)
	for _, t := range y.ticks() {
		c.line(left, c.py(t.at), right, c.py(t.at), "grid")
		c.text(left-6, c.py(t.at)+4, "q", "end", t.name)
	}
	for _, t := range x.ticks() {
		c.line(c.px(t.at), bottom, c.px(t.at), bottom+4, "ax")
		// A name at the edge must not be cut off by it.
		half := charWidth / 2 * float64(utf8.RuneCountInString(t.name))
		c.text(min(c.px(t.at), chartWidth-half), bottom+17, "q", "middle", t.name)
	}
	c.line(left, bottom, right, bottom, "ax")
	c.line(left, top, left, bottom, "ax")
	return c
}

func (c *chart) px(v float64) float64 { return left + c.x.share(v)*(right-left) }
func (c *chart) py(v float64) float64 { return bottom - c.y.share(v)*(bottom-top) }

// scale maps values to shares of an axis.
type scale struct {
	low, high float64
	log       bool
	step      float64 // between two ticks; 0: what looks well
	name      func(float64) string
}

type tick struct {
	at   float64
	name string
}

// share gives where v is, 0 to 1; beyond the ends it is at the end.
func (s scale) share(v float64) float64 {
	low, high := s.low, s.high
	if s.log {
		low, high, v = math.Log10(low), math.Log10(high), math.Log10(max(v, leastSpan))
	}
	f := (v - low) / max(high-low, leastSpan)
	if math.IsNaN(f) {
		return 0
	}
	return max(0, min(1, f))
}

func (s scale) ticks() []tick {
	var all []tick
	add := func(v float64) { all = append(all, tick{v, s.name(v)}) }
	if s.log {
		low, high := math.Floor(math.Log10(s.low)), math.Ceil(math.Log10(s.high))
		step := math.Max(1, math.Ceil((high-low)/5))
		for e := low; e <= high; e += step {
			if v := math.Pow(10, e); v >= s.low*0.999 && v <= s.high*1.001 {
				add(v)
			}
		}
		return all
	}
	step := s.step
	if step == 0 {
		step = niceStep((s.high - s.low) / 5)
	}
	for v := math.Ceil(s.low/step) * step; v <= s.high+step/1e6 && len(all) < 20; v += step {
		add(v)
	}
	return all
}

// niceStep rounds up to 1, 2 or 5 times a power of ten.
func niceStep(v float64) float64 {
	if !(v > leastSpan) || math.IsInf(v, 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*power {
			return m * power
		}
	}
	return 10 * power
}

// sizes is a scale of bytes that has all the values in it.
func sizes(values []float64) scale {
	low, high := math.Inf(1), 1.0
	for _, v := range values {
		low, high = min(low, max(1, v)), max(high, v)
	}
	low, high = math.Pow(10, math.Floor(math.Log10(min(low, high)))), math.Pow(10, math.Ceil(math.Log10(high+1)))
	return scale{low: low, high: max(high, low*10), log: true, name: bytesName}
}

func bytesName(v float64) string {
	switch {
	case v >= 1e9:
		return number(v/1e9) + " GB"
	case v >= 1e6:
		return number(v/1e6) + " MB"
	case v >= 1e3:
		return number(v/1e3) + " kB"
	}
	return number(v) + " B"
}

// secondsName writes a duration in one unit.
func secondsName(v float64) string {
	switch {
	case v >= 2*86400:
		return number(v/86400) + " d"
	case v >= 2*3600:
		return number(v/3600) + " h"
	case v >= 120:
		return number(v/60) + " min"
	case v > 0 && v < 1:
		return number(v*1000) + " ms"
	}
	return number(v) + " s"
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 3, 64) }

// moments is a scale of time, told in the zone of the host.
func moments(from, to time.Time) scale {
	span := to.Sub(from)
	format := "15:04:05"
	switch {
	case span > 48*time.Hour:
		format = "01-02"
	case span > 4*time.Hour:
		format = "02. 15:04"
	case span > 10*time.Minute:
		format = "15:04"
	}
	if span <= 0 { // a single one is in the middle
		from, to = from.Add(-time.Minute), to.Add(time.Minute)
	}
	low := moment(from)
	return scale{low: low, high: max(low+1, moment(to)), step: timeStep(to.Sub(from).Seconds() / 5), name: func(v float64) string {
		return time.UnixMicro(int64(v * 1e6)).Format(format)
	}}
}

// timeStep rounds seconds up to what clocks have marks for.
func timeStep(v float64) float64 {
	for _, s := range []float64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200} {
		if v <= s {
			return s
		}
	}
	return math.Ceil(v/86400) * 86400
}

func moment(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// plural writes a number of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
