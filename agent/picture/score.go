package picture

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Score is what a scorer said at a moment.
type Score struct {
	Time  time.Time
	Value float64
}

// Scores draws scores over time against their threshold; they are in the order of
// time, and those that are no number are left out. Below tells that smaller is worse, as for distances; else it is a
// probability. nil: there is none.
func Scores(all []Score, threshold float64, below bool) *Picture {
	all = slices.DeleteFunc(slices.Clone(all), func(s Score) bool { return math.IsNaN(s.Value) || math.IsInf(s.Value, 0) })
	if len(all) == 0 {
		return nil
	}
	y := scale{high: 1, name: number}
	if below {
		y.low, y.high = 1, max(threshold*1.5, 2)
		for _, s := range all {
			y.high = max(y.high, min(s.Value, threshold*4)) // farther away is at the edge
		}
	}
	c := newChart("Score over time", "when it was told", "score", moments(all[0].Time, all[len(all)-1].Time), y)
	c.line(left, c.py(threshold), right, c.py(threshold), "th")
	says, hit := "threshold "+number(threshold), func(v float64) bool { return v >= threshold }
	if below {
		says, hit = says+": at or below it matches", func(v float64) bool { return v <= threshold }
	} else {
		says += ": from it on it alerts"
	}
	at := c.py(threshold) - 5
	if at < top+10 {
		at += 18
	}
	c.text(left+6, at, "tt", "start", says)
	over := 0
	for i, s := range all {
		x, y := c.px(moment(s.Time)), c.py(s.Value)
		if i > 0 {
			c.line(c.px(moment(all[i-1].Time)), c.py(all[i-1].Value), x, y, "ln")
		}
		class := "m h"
		if hit(s.Value) {
			class, over = "m", over+1
		}
		c.dot(x, y, markRadius, class)
	}
	c.words = fmt.Sprintf("%s, the newest %s; %s; %d of them reach it.", plural(len(all), "score"), number(all[len(all)-1].Value), says, over)
	return c.Picture
}
