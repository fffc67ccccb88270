package policy

import (
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// Evidence is what is known of a tuple's matches when a detection is decided.
type Evidence struct {
	// Times are those of the tuple's latest matches, in any order, this one among
	// them. A match that a normal model fitted as well is not, and takes the one
	// before it away. They belong to the Tracker until its next Observe.
	Times []argusfeed.Time
	// First is the first match since the tuple is remembered, without a pause in
	// which nothing counted.
	First argusfeed.Time
	// Last is the answer to the match before; its zero value says that there
	// was none, or none that still counts.
	Last Answer
}

// Answer is what a decision said, without its numbers and words.
type Answer struct {
	Action Action
	Rule   string
	Cause  Cause
}

// Tracker remembers the latest matches of tuples, in flow time. It keeps at
// most Config.MaxTuples of them. When a new one needs the place, the tuple
// goes whose last match came longest ago: among those with a single match as
// long as they hold more than a quarter of the places, else among those that were
// blocked as long as they hold more than half, else among the others. So a storm of
// tuples that match once each does not push out what is on its way to being
// confirmed; and however often they match, what is blocked is renewed, for the budget
// bounds how many can be. A Tracker belongs to one goroutine.
type Tracker struct {
	perTuple  int           // times kept of each tuple
	horizon   time.Duration // matches that are further apart never count together
	maxTuples int

	index   map[argusfeed.Tuple]int32
	tracks  []track
	times   []argusfeed.Time // perTuple for each of tracks
	free    []int32
	single  list // tuples with one match
	several list // the others
	blocked list // those of them that are blocked, by their last answer
	evicted uint64
}

// track is what is kept of one tuple; next and prev link it into its list,
// newest match first.
type track struct {
	tuple      argusfeed.Tuple
	next, prev int32
	kept       int  // how many of its times are set
	several    bool // matched more than once
	blocked    bool
	first      argusfeed.Time
	latest     argusfeed.Time
	last       Answer
}

type list struct {
	head, tail int32
	n          int
}

const none int32 = -1

// NewTracker makes a Tracker that remembers what e asks for.
func (e *Engine) NewTracker() *Tracker {
	return &Tracker{
		perTuple:  e.maxMatches,
		horizon:   e.maxSpan,
		maxTuples: e.maxTuples,
		index:     make(map[argusfeed.Tuple]int32),
		single:    list{head: none, tail: none},
		several:   list{head: none, tail: none},
		blocked:   list{head: none, tail: none},
	}
}

// Observe takes note of a match and gives the evidence for deciding it.
func (t *Tracker) Observe(d detection.Detection) Evidence {
	i, known := t.index[d.Tuple]
	if !known {
		i = t.place(d.Tuple, d.Time)
	}
	tr := &t.tracks[i]
	t.unlink(t.listOf(tr), i)
	kept := t.times[int(i)*t.perTuple:][:t.perTuple]
	far, near, counts := 0, 0, false
	for k := range tr.kept {
		if absSub(kept[k], d.Time) > absSub(kept[far], d.Time) {
			far = k
		}
		if absSub(kept[k], d.Time) < absSub(kept[near], d.Time) {
			near = k
		}
		counts = counts || absSub(kept[k], d.Time) < t.horizon
	}
	if !counts {
		tr.last = Answer{} // too long ago to be repeated
		tr.first = d.Time
	}
	switch {
	case d.Normal != "":
		if tr.kept > 0 {
			tr.kept--
			kept[near] = kept[tr.kept]
		}
	case tr.kept < t.perTuple:
		kept[tr.kept] = d.Time
		tr.kept++
	default:
		// The time that is furthest away goes, so that one flow with a wild
		// time does not spoil the evidence.
		kept[far] = d.Time
	}
	tr.latest = d.Time
	tr.several = known
	t.link(t.listOf(tr), i)
	return Evidence{Times: kept[:tr.kept:tr.kept], First: tr.first, Last: tr.last}
}

// Decided takes note of the answer, so that the next one can be known for a
// repeat. Of a tuple that is not remembered it does nothing.
func (t *Tracker) Decided(d Decision) {
	i, ok := t.index[d.Tuple]
	if !ok {
		return
	}
	tr := &t.tracks[i]
	tr.last = Answer{d.Action, d.Rule, d.Cause}
	if blocked := d.Action == ActionBlock || d.Cause == CauseInForce; blocked != tr.blocked {
		t.unlink(t.listOf(tr), i)
		tr.blocked = blocked
		t.link(t.listOf(tr), i)
	}
}

// Len is how many tuples are remembered, those included whose matches are too
// old to count: they go when a place is needed.
func (t *Tracker) Len() int { return len(t.index) }

// Evicted counts the tuples that were forgotten for want of a place although
// their matches still counted.
func (t *Tracker) Evicted() uint64 { return t.evicted }

// place makes a track without matches for a tuple that has none.
func (t *Tracker) place(tuple argusfeed.Tuple, now argusfeed.Time) int32 {
	if len(t.index) >= t.maxTuples {
		t.evict(now)
	}
	var i int32
	if n := len(t.free); n > 0 {
		i, t.free = t.free[n-1], t.free[:n-1]
	} else {
		i = int32(len(t.tracks))
		t.tracks = append(t.tracks, track{})
		t.times = append(t.times, make([]argusfeed.Time, t.perTuple)...)
	}
	t.tracks[i] = track{tuple: tuple}
	t.index[tuple] = i
	t.link(&t.single, i)
	return i
}

// evict forgets a tuple; now tells whether it still counted.
func (t *Tracker) evict(now argusfeed.Time) {
	var victim int32
	switch {
	case t.single.n > t.maxTuples/4:
		victim = t.single.tail
	case t.blocked.n > t.maxTuples/2: // that block may be long over
		victim = t.blocked.tail
	case t.several.n > 0:
		victim = t.several.tail
	case t.single.n > 0:
		victim = t.single.tail
	default:
		victim = t.blocked.tail
	}
	if absSub(now, t.tracks[victim].latest) < t.horizon {
		t.evicted++
	}
	t.remove(victim)
}

func (t *Tracker) remove(i int32) {
	tr := &t.tracks[i]
	t.unlink(t.listOf(tr), i)
	delete(t.index, tr.tuple)
	*tr = track{}
	t.free = append(t.free, i)
}

func (t *Tracker) listOf(tr *track) *list {
	switch {
	case tr.blocked:
		return &t.blocked
	case tr.several:
		return &t.several
	}
	return &t.single
}

func (t *Tracker) link(l *list, i int32) {
	tr := &t.tracks[i]
	tr.prev, tr.next = none, l.head
	if l.head == none {
		l.tail = i
	} else {
		t.tracks[l.head].prev = i
	}
	l.head = i
	l.n++
}

func (t *Tracker) unlink(l *list, i int32) {
	tr := &t.tracks[i]
	if tr.prev == none {
		l.head = tr.next
	} else {
		t.tracks[tr.prev].next = tr.next
	}
	if tr.next == none {
		l.tail = tr.prev
	} else {
		t.tracks[tr.next].prev = tr.prev
	}
	l.n--
}

func absSub(a, b argusfeed.Time) time.Duration {
	d := a.Sub(b)
	if d < 0 {
		return -d
	}
	return d
}
