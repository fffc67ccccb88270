package history

import (
	"slices"
	"sync"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// episodeKey says which detections are counted together. Scores of two scorers
// cannot be compared.
type episodeKey struct {
	tuple         argusfeed.Tuple
	label, scorer string
}

// count is what came of a tuple and label since it was last written.
type count struct {
	first, last time.Time
	n           uint64
	score       float64 // the strongest
	newest      detection.Detection
	// matches are the first of them, the others are only counted.
	matches []Match
}

// maxUnwritten is how many single matches wait to be written, of all tuples.
const maxUnwritten = 100_000

// add adds what came before or after.
func (c *count) add(o count) {
	c.score = strongest(o.newest, o.score, c.score)
	c.n += o.n
	c.matches = append(slices.Clip(o.matches), c.matches...)
	slices.SortStableFunc(c.matches, func(a, b Match) int { return a.At.Compare(b.At) })
	c.matches = c.matches[:min(len(c.matches), exactMatches)]
	if o.first.Before(c.first) {
		c.first = o.first
	}
	if !o.last.Before(c.last) {
		c.last, c.newest = o.last, o.newest
	}
}

// strongest gives the score that says more, by the scorer of d.
func strongest(d detection.Detection, a, b float64) float64 {
	d.Score = a
	if d.Stronger(b) {
		return a
	}
	return b
}

// counts are the detections that are not yet on the disk. It is safe for
// concurrent use.
type counts struct {
	mu    sync.Mutex
	byKey map[episodeKey]*count
	max   int
	taken int // how many are being written
	// unwritten counts the matches in byKey.
	unwritten int
	// accepted counts the detections that found a place, written those that left it.
	accepted, written, lost uint64
}

func (c *counts) put(d detection.Detection, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := episodeKey{d.Tuple, d.Label, d.Scorer}
	if have := c.byKey[key]; have != nil {
		have.score = strongest(d, d.Score, have.score)
		have.n++
		have.last, have.newest = now, d
		c.match(have, d, now)
		c.accepted++
		return
	}
	if len(c.byKey)+c.taken >= c.max {
		c.lost++
		return
	}
	first := &count{first: now, last: now, n: 1, score: d.Score, newest: d}
	c.match(first, d, now)
	c.byKey[key] = first
	c.accepted++
}

// match keeps a match as it is, where there is room; else it is only counted.
func (c *counts) match(of *count, d detection.Detection, at time.Time) {
	if len(of.matches) < exactMatches && c.unwritten < maxUnwritten {
		of.matches = append(of.matches, matchOf(d, at))
		c.unwritten++
	}
}

// take gives up to n of them away, for writing.
func (c *counts) take(n int) map[episodeKey]*count {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.byKey) <= n {
		all := c.byKey
		c.byKey = make(map[episodeKey]*count)
		c.taken, c.unwritten = len(all), 0
		return all
	}
	some := make(map[episodeKey]*count, n)
	for k, v := range c.byKey {
		if len(some) == n {
			break
		}
		some[k] = v
		c.unwritten -= len(v.matches)
		delete(c.byKey, k)
	}
	c.taken = len(some)
	return some
}

// done ends what take began: written, or to be tried again.
func (c *counts) done(taken map[episodeKey]*count, written bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = 0
	for k, v := range taken {
		if written {
			c.written += v.n
			continue
		}
		if have := c.byKey[k]; have != nil {
			before := len(have.matches)
			have.add(*v)
			c.unwritten += len(have.matches) - before
		} else {
			c.byKey[k] = v
			c.unwritten += len(v.matches)
		}
	}
}

func (c *counts) stats() (waiting int, accepted, written, lost uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.byKey) + c.taken, c.accepted, c.written, c.lost
}
