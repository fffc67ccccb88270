package policy

import (
	"cmp"
	"slices"

	"slips-ips/argusfeed"
)

// Adopt has a tracker of another engine remember what e asks for, and keeps its
// evidence as far as e has room for it: the matches of a tuple nearest to its
// newest one, and the tuples that the tracker's own rule would have kept, those
// that matched more than once first. An engine with the same limits changes
// nothing. Where e asks for more matches than were kept, they come with time. The
// result is t itself; memory for more than e asks for is kept for later.
func (e *Engine) Adopt(t *Tracker) *Tracker {
	t.horizon, t.maxTuples = e.maxSpan, e.maxTuples
	t.keepPerTuple(e.maxMatches)
	var newest argusfeed.Time
	for _, l := range []*list{&t.single, &t.several, &t.blocked} {
		if l.head != none {
			newest = max(newest, t.tracks[l.head].latest)
		}
	}
	for len(t.index) > t.maxTuples {
		t.evict(newest)
	}
	return t
}

// keepPerTuple changes how many times of each tuple are kept.
func (t *Tracker) keepPerTuple(n int) {
	if n == t.perTuple {
		return
	}
	times := make([]argusfeed.Time, n*len(t.tracks))
	for i := range t.tracks {
		tr := &t.tracks[i]
		kept := t.times[i*t.perTuple:][:tr.kept]
		if tr.kept > n {
			slices.SortStableFunc(kept, func(a, b argusfeed.Time) int {
				return cmp.Compare(absSub(a, tr.latest), absSub(b, tr.latest))
			})
			tr.kept = n
		}
		copy(times[i*n:], kept[:tr.kept])
	}
	t.times, t.perTuple = times, n
}

// Evidence gives what is known of a tuple's matches, for reviewing its block; it
// is empty where the tuple is not remembered. Unlike Observe it takes note of
// nothing, and its result belongs to the caller.
func (t *Tracker) Evidence(tuple argusfeed.Tuple) Evidence {
	i, ok := t.index[tuple]
	if !ok {
		return Evidence{}
	}
	tr := &t.tracks[i]
	return Evidence{Times: slices.Clone(t.times[int(i)*t.perTuple:][:tr.kept]), First: tr.first, Last: tr.last}
}
