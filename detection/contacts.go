package detection

import (
	"math"
	"slices"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// maxGaps is how many gaps and sizes of contacts are kept: those between the
// newest contacts that models speak of.
const maxGaps = models.MaxContacts - 1

// contacts are the visits of one tuple: runs of flows that follow each other
// closely. The newest may still go on, so its size is not among the sizes.
type contacts struct {
	// n counts the contacts, start and size are those of the newest, last is
	// the start of its newest flow.
	n     int
	start argusfeed.Time
	last  argusfeed.Time
	size  uint64
	// gaps lie between the starts of contacts, sizes are the bytes of those
	// that are over; both are rings of at most maxGaps, next being the oldest.
	gaps  []argusfeed.Time
	sizes []uint64
	next  int
	// began says that the newest flow began the newest contact.
	began bool
}

func (c *contacts) clear() { *c = contacts{gaps: c.gaps[:0], sizes: c.sizes[:0]} }

// begin notes the first flow.
func (c *contacts) begin(start argusfeed.Time, bytes uint64) {
	c.n, c.start, c.last, c.size = 1, start, start, bytes
}

// add notes a later flow. Flows no further apart than merge are one contact.
func (c *contacts) add(start argusfeed.Time, bytes uint64, merge argusfeed.Time) {
	c.began = start-c.last > merge
	if !c.began {
		c.last = start
		c.size += bytes
		return
	}
	if len(c.gaps) < maxGaps {
		c.gaps = append(c.gaps, start-c.start)
		c.sizes = append(c.sizes, c.size)
	} else {
		c.gaps[c.next], c.sizes[c.next] = start-c.start, c.size
		c.next = (c.next + 1) % maxGaps
	}
	c.n++
	c.start, c.last, c.size = start, start, bytes
}

// rhythm says how regular contacts are.
type rhythm struct {
	contacts int
	// gap is the median gap in microseconds, size the median size in bytes.
	gap, size float64
	// gapSpread and sizeSpread are the median absolute deviations, as a share
	// of the medians.
	gapSpread, sizeSpread float64
}

// rhythm needs two contacts or more. scratch is overwritten.
func (c *contacts) rhythm(scratch *[maxGaps]float64) rhythm {
	r := rhythm{contacts: min(c.n, models.MaxContacts)}
	values := scratch[:len(c.gaps)]
	for i, g := range c.gaps {
		values[i] = float64(g)
	}
	r.gap, r.gapSpread = spread(values)
	for i, s := range c.sizes {
		values[i] = float64(s)
	}
	r.size, r.sizeSpread = spread(values)
	return r
}

// spread gives the median of values and their median absolute deviation as a
// share of it. It changes values.
func spread(values []float64) (mid, share float64) {
	mid = median(values)
	for i, v := range values {
		values[i] = math.Abs(v - mid)
	}
	return mid, ratioOf(median(values), mid)
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}

// ratioOf is a/b for numbers from 0 up, 0 where there is nothing to divide.
func ratioOf(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	return a / b // +Inf for b = 0: as far as can be
}
