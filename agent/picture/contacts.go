package picture

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Contact is one visit: when it began, and how many bytes it had.
type Contact struct {
	Start time.Time
	Bytes float64
}

// Contacts draws contacts over time, by their bytes. They are in the order of time.
// nil: there is none.
func Contacts(all []Contact) *Picture {
	if len(all) == 0 {
		return nil
	}
	first, last := all[0].Start, all[len(all)-1].Start
	c := newChart("Contacts over time", "start of the contact", "bytes", moments(first, last), sizes(bytesOf(all)))
	for _, k := range all {
		c.dot(c.px(moment(k.Start)), c.py(k.Bytes), markRadius, "m")
	}
	c.words = fmt.Sprintf("%s from %s to %s, of %s.", plural(len(all), "contact"), first.Format(time.DateTime), last.Format(time.DateTime), fromTo(bytesOf(all), bytesName))
	return c.Picture
}

// Gaps draws how long it was from the start of a contact to that of the next. nil:
// there are not two contacts.
func Gaps(all []Contact) *Picture {
	var gaps []float64
	for i := 1; i < len(all); i++ {
		gaps = append(gaps, all[i].Start.Sub(all[i-1].Start).Seconds())
	}
	return histogram("Gaps between contacts", "time to the next contact", gaps, secondsName)
}

// Sizes draws how many bytes contacts had. nil: there is none.
func Sizes(all []Contact) *Picture {
	return histogram("Sizes of contacts", "bytes of a contact", bytesOf(all), bytesName)
}

func bytesOf(all []Contact) []float64 {
	var list []float64
	for _, k := range all {
		list = append(list, k.Bytes)
	}
	return list
}

func fromTo(values []float64, name func(float64) string) string {
	low, high := name(slices.Min(values)), name(slices.Max(values))
	if low == high {
		return low
	}
	return low + " to " + high
}

// histogram counts values in buckets of equal width.
func histogram(title, xName string, values []float64, name func(float64) string) *Picture {
	values = slices.DeleteFunc(slices.Clone(values), func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) || v < 0 })
	if len(values) == 0 {
		return nil
	}
	low, high := slices.Min(values), slices.Max(values)
	if low > 0 && high/low < 1.2 {
		low, high = low*0.8, high*1.2 // so that jitter of a percent looks like it
	} else {
		low = 0
	}
	if high <= low {
		high = low + 1
	}
	width := (high - low) / maxBuckets
	counts := make([]int, maxBuckets)
	for _, v := range values {
		counts[max(0, min(maxBuckets-1, int((v-low)/width)))]++
	}
	most := slices.Max(counts)
	c := newChart(title, xName, "how many", scale{low: low, high: high, name: name}, scale{high: float64(most), name: whole})
	for i, n := range counts {
		if n > 0 {
			from, to := low+float64(i)*width, low+float64(i+1)*width
			c.rect(c.px(from)+1, c.py(float64(n)), c.px(to)-c.px(from)-2, bottom-c.py(float64(n)), "b",
				fmt.Sprintf("%s to %s: %d", name(from), name(to), n))
		}
	}
	sorted := slices.Sorted(slices.Values(values))
	c.words = fmt.Sprintf("%d values, %s, the middle one %s.", len(values), fromTo(values, name), name(sorted[len(sorted)/2]))
	return c.Picture
}

// whole writes whole numbers and leaves the others away.
func whole(v float64) string {
	if v != math.Trunc(v) {
		return ""
	}
	return number(v)
}
