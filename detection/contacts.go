package detection

import (
	"math"
	"math/bits"
	"slices"
	"strings"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// maxGaps is how many gaps and sizes of contacts are kept: those between the
// newest contacts that models speak of.
const maxGaps = models.MaxContacts - 1

// firstGaps is how many there is room for at first.
const firstGaps = 7

// spans are the pauses up to which flows are one contact. A tuple is looked at
// through each of them: connections opened at the same moment are one visit,
// and so are the two requests of an implant that asks first and fetches then,
// and so is a session of some minutes.
var spans = [...]argusfeed.Time{500e3, 10e6, 300e6}

// contacts are the visits of one tuple: runs of flows that follow each other
// closely. The newest may still go on, so its size is not among the sizes.
type contacts struct {
	// level is the place of its span in spans.
	level int
	// n counts the contacts. start and size are those of the newest contact, last
	// is the start of its newest connection and end the latest end of its packets.
	n                int
	start, last, end argusfeed.Time
	size             uint64
	// answered says that the destination said more than no in the newest
	// contact, loaded that somebody sent data.
	answered, loaded bool
	// past are the contacts that are over: a ring of at most maxGaps, next
	// being the oldest.
	past []contact
	next int
	// gaps and sizes are those of past, sorted: a median is asked for at every
	// contact, and changes by one value.
	gaps, sizes []float32
	// A bit for each place in the ring: nobody answered; a connection without
	// data; it lasted for half of the gap or longer.
	failed, empty, held uint32
	// began says that the newest flow began the newest contact.
	began bool
}

// contact is one that is over: the seconds until the next one began, and its
// bytes.
type contact struct{ gap, size float32 }

func (c *contacts) clear() { *c = c.emptied() }

// emptied gives contacts without any that use the memory of c.
func (c *contacts) emptied() contacts {
	return contacts{past: c.past[:0], gaps: c.gaps[:0], sizes: c.sizes[:0]}
}

// begin notes the first flow, of which no more is known: it is taken for one
// that succeeded.
func (c *contacts) begin(start argusfeed.Time, bytes uint64) {
	*c = c.emptied()
	c.n, c.size = 1, bytes
	c.start, c.last, c.end = start, start, start
	c.answered, c.loaded = true, true
}

// copyOf makes c what o is, with a ring of its own.
func (c *contacts) copyOf(o *contacts) {
	past, gaps, sizes := append(c.past[:0], o.past...), append(c.gaps[:0], o.gaps...), append(c.sizes[:0], o.sizes...)
	*c = *o
	c.past, c.gaps, c.sizes = past, gaps, sizes
}

// more notes another piece of a connection that began in the contact of that
// number; 0 is none.
func (c *contacts) more(f *argusfeed.Flow, number int) {
	c.began = false
	switch {
	case number == c.n:
		c.extend(f)
	case number > 0 && number < c.n && c.n-number <= len(c.past):
		c.amend(f, number)
	}
}

// add notes a later connection and tells whether it is of the newest contact,
// which it is not where it began before that: flows that are told of while they
// grow come before some that began earlier.
func (c *contacts) add(f *argusfeed.Flow) bool {
	if f.Start < c.start {
		c.began = false
		return false
	}
	c.began = f.Start-c.last > spans[c.level]
	c.last = max(c.last, f.Start)
	if !c.began {
		c.extend(f)
		return true
	}
	c.push(f.Start)
	c.n++
	c.start, c.size = f.Start, f.Bytes
	c.end = f.Start.Add(f.Dur)
	c.answered, c.loaded = answered(f), loaded(f)
	return true
}

// amend adds to a contact that is over and still in the ring.
func (c *contacts) amend(f *argusfeed.Flow, number int) {
	place := func(number int) int { return (number - 1) % maxGaps }
	at := place(number)
	p := &c.past[at]
	size := p.size + float32(f.Bytes)
	replace(c.sizes, p.size, size)
	p.size = size
	if bit := uint32(1) << at; c.failed&bit != 0 && answered(f) {
		set(&c.failed, at, false)
		set(&c.empty, at, !loaded(f))
	} else if c.empty&bit != 0 && loaded(f) {
		set(&c.empty, at, false)
	}
	next := c.start // of the contact after it
	for k := c.n - 1; k > number; k-- {
		next -= seconds(c.past[place(k)].gap)
	}
	gap := seconds(p.gap)
	if 2*(f.Start.Add(f.Dur)-(next-gap)) >= gap {
		set(&c.held, at, true)
	}
}

func seconds(s float32) argusfeed.Time { return argusfeed.Time(math.Round(float64(s) * 1e6)) }

func (c *contacts) extend(f *argusfeed.Flow) {
	c.size += f.Bytes
	c.end = max(c.end, f.Start.Add(f.Dur))
	c.answered = c.answered || answered(f)
	c.loaded = c.loaded || loaded(f)
}

// push ends the newest contact: another one begins at next.
func (c *contacts) push(next argusfeed.Time) {
	const micros = 1e6
	gap := next - c.start
	done := contact{gap: float32(float64(gap) / micros), size: float32(c.size)}
	at := len(c.past)
	if at == cap(c.past) && at < maxGaps { // in few steps: what is outgrown is garbage
		more := min(firstGaps+2*at, maxGaps)
		c.past = append(make([]contact, 0, more), c.past...)
		values := make([]float32, 2*more)
		c.gaps = append(values[:0:more], c.gaps...)
		c.sizes = append(values[more:more:2*more], c.sizes...)
	}
	if at < maxGaps {
		c.past = append(c.past, done)
		c.gaps, c.sizes = insert(c.gaps, done.gap), insert(c.sizes, done.size)
	} else {
		at = c.next
		replace(c.gaps, c.past[at].gap, done.gap)
		replace(c.sizes, c.past[at].size, done.size)
		c.past[at] = done
		c.next = (c.next + 1) % maxGaps
	}
	set(&c.failed, at, !c.answered)
	set(&c.empty, at, c.answered && !c.loaded)
	set(&c.held, at, 2*(c.end-c.start) >= gap)
}

// insert puts a value into sorted ones.
func insert(sorted []float32, v float32) []float32 {
	at, _ := slices.BinarySearch(sorted, v)
	return slices.Insert(sorted, at, v)
}

// replace puts a value into sorted ones in place of one of them.
func replace(sorted []float32, old, v float32) {
	from, _ := slices.BinarySearch(sorted, old)
	to, _ := slices.BinarySearch(sorted, v)
	if from < to {
		to--
		copy(sorted[from:to], sorted[from+1:to+1])
	} else {
		copy(sorted[to+1:from+1], sorted[to:from])
	}
	sorted[to] = v
}

func set(mask *uint32, at int, on bool) {
	*mask &^= 1 << at
	if on {
		*mask |= 1 << at
	}
}

// answered tells whether the destination did more than refuse. Where the feed
// does not tell it did.
func answered(f *argusfeed.Flow) bool {
	if _, dst, ok := strings.Cut(f.State, "_"); ok {
		return strings.ContainsAny(dst, "SPF") || strings.Contains(dst, "A") && !strings.Contains(dst, "R")
	}
	switch f.State {
	case "INT", "REQ", "ECO":
		return false
	}
	return true
}

// emptyBytes is the largest average of a TCP packet that carries nothing but
// headers, with room for options and padding.
const emptyBytes = 100

// loaded tells whether data was sent: a connection that was opened and closed
// is no exchange. Only TCP flags show that.
func loaded(f *argusfeed.Flow) bool {
	return !strings.Contains(f.State, "_") || strings.Contains(f.State, "P") || f.Bytes > emptyBytes*f.Packets
}

// Rhythm says how regular contacts are: over the newest ones, at most
// models.MaxContacts.
type Rhythm struct {
	Contacts int `json:"contacts"`
	// Gap is the median gap in seconds, Size the median size in bytes.
	Gap  float64 `json:"gap"`
	Size float64 `json:"size"`
	// GapSpread and SizeSpread are the median absolute deviations, as a share
	// of the medians.
	GapSpread  float64 `json:"gap_spread"`
	SizeSpread float64 `json:"size_spread"`
	// GapsKept is the share of gaps within 30 % of the median, SizesKept that
	// of sizes within 15 %.
	GapsKept  float64 `json:"gaps_kept"`
	SizesKept float64 `json:"sizes_kept"`
	// Failed, Empty and Held are the shares of contacts that nobody answered,
	// that carried no data, and whose connection lasted for half of the gap.
	Failed float64 `json:"failed"`
	Empty  float64 `json:"empty"`
	Held   float64 `json:"held"`
}

const (
	gapTolerance  = 0.30
	sizeTolerance = 0.15
)

// rhythm needs two contacts or more.
func (c *contacts) rhythm() Rhythm {
	n := len(c.past)
	r := Rhythm{Contacts: c.n}
	r.Gap, r.GapSpread, r.GapsKept = spread(c.gaps, gapTolerance)
	r.Size, r.SizeSpread, r.SizesKept = spread(c.sizes, sizeTolerance)
	share := func(mask uint32) float64 { return float64(bits.OnesCount32(mask)) / float64(n) }
	r.Failed, r.Empty, r.Held = share(c.failed), share(c.empty), share(c.held)
	return r
}

// spread gives the median of sorted values, their median absolute deviation as
// a share of it, and the share of values that are within a tolerance of it.
func spread(values []float32, tolerance float64) (mid, share, kept float64) {
	n := len(values)
	mid = (float64(values[(n-1)/2]) + float64(values[n/2])) / 2
	// The deviations, smallest first: outwards from the median on both sides.
	up := n / 2
	for up < n && float64(values[up]) < mid {
		up++
	}
	down := up - 1
	var before, deviation float64
	for range n/2 + 1 {
		before = deviation
		switch {
		case down < 0 || up < n && float64(values[up])-mid <= mid-float64(values[down]):
			deviation = float64(values[up]) - mid
			up++
		default:
			deviation = mid - float64(values[down])
			down--
		}
	}
	if n%2 == 0 {
		deviation = (before + deviation) / 2
	}
	low, high := mid*(1-tolerance), mid*(1+tolerance)
	for _, v := range values {
		if float64(v) >= low && float64(v) <= high {
			kept++
		}
	}
	return mid, ratioOf(deviation, mid), kept / float64(n)
}

// ratioOf is a/b for numbers from 0 up, 0 where there is nothing to divide.
func ratioOf(a, b float64) float64 {
	if a == 0 {
		return 0
	}
	return a / b // +Inf for b = 0: as far as can be
}
