package detection

import "slips-ips/argusfeed"

// tuple is what is remembered of one tuple. Those with a single flow, by far
// the most, have no series.
type tuple struct {
	key argusfeed.Tuple
	// first is the letter of its first flow, bytes are that flow's.
	first byte
	bytes uint64
	// last is the start of the newest flow that made a letter, or of the first one
	// of all; gap is the time between the last two.
	last, gap argusfeed.Time
	// flows counts those that made letters, all those seen, which may not be over.
	flows, all uint64
	// window is the number of the window of its newest flow, inWindow how many
	// flows it had in that window.
	window, inWindow uint32

	s          *series
	prev, next *tuple
}

// series is what is remembered of a tuple from its second flow on.
type series struct {
	// letters are all of them for the reference scorer, the newest otherwise;
	// cut says that older ones are gone.
	letters []byte
	cut     bool
	// newest is the start of the newest flow seen.
	newest argusfeed.Time
	// last is the newest verdict, match the newest malicious one and
	// matchWindow its window; matches counts the detections.
	last, match verdict
	matchWindow uint32
	matches     uint64

	// begun tells that the scorer was told of the tuple.
	begun    bool
	pairs    pairCounts // reference scorer
	contacts []contacts // behaviour scorer: one for each span of merging
	open     *connections
}

// keepLetters is the largest buffer that a forgotten tuple leaves for the next.
const keepLetters = 1 << 10

func (s *series) reset() {
	letters := s.letters[:0]
	if cap(letters) > keepLetters {
		letters = nil
	}
	pairs := s.pairs
	pairs.clear()
	for i := range s.contacts {
		s.contacts[i].clear()
	}
	if s.open != nil {
		*s.open = connections{}
	}
	*s = series{letters: letters, pairs: pairs, contacts: s.contacts[:0], open: s.open}
}

// recency is a list of tuples, the one with the newest flow first.
type recency struct {
	head, tail *tuple
	n          int
}

func (l *recency) push(t *tuple) {
	t.prev, t.next = nil, l.head
	if l.head != nil {
		l.head.prev = t
	} else {
		l.tail = t
	}
	l.head = t
	l.n++
}

func (l *recency) remove(t *tuple) {
	if t.prev != nil {
		t.prev.next = t.next
	} else {
		l.head = t.next
	}
	if t.next != nil {
		t.next.prev = t.prev
	} else {
		l.tail = t.prev
	}
	t.prev, t.next = nil, nil
	l.n--
}

// tupleTable holds at most max tuples. What leaves it is reused, so that a
// full table allocates nothing.
type tupleTable struct {
	max   int
	byKey map[argusfeed.Tuple]*tuple
	// once holds the tuples with one flow, more the others.
	once, more recency
	// evicted counts the tuples that had to make room.
	evicted uint64

	fresh      []tuple // not used yet
	free       *tuple  // linked by next
	freeSeries []*series
}

func newTupleTable(most int) *tupleTable {
	return &tupleTable{max: most, byKey: make(map[argusfeed.Tuple]*tuple)}
}

func (tt *tupleTable) len() int { return len(tt.byKey) }

// get gives the tuple of that key; the caller has a flow of it, so it becomes
// the most recent. A tuple without flows is new.
func (tt *tupleTable) get(key argusfeed.Tuple) *tuple {
	if t, ok := tt.byKey[key]; ok {
		l := &tt.once
		if t.s != nil {
			l = &tt.more
		}
		if l.head != t {
			l.remove(t)
			l.push(t)
		}
		return t
	}
	if len(tt.byKey) >= tt.max {
		tt.evict()
	}
	t := tt.newTuple()
	t.key = key
	tt.byKey[key] = t
	tt.once.push(t)
	return t
}

// widen gives a tuple that had one flow what several flows need.
func (tt *tupleTable) widen(t *tuple) {
	tt.once.remove(t)
	tt.more.push(t)
	t.s = tt.newSeries()
}

// onceShare is the part of the table, 1/onceShare, that tuples with one flow
// may always have: a slow beacon needs some time to come to its second flow.
const onceShare = 4

// evict forgets the tuple that was silent for the longest, of those with one
// flow if they are more than their share.
func (tt *tupleTable) evict() {
	victim := tt.more.tail
	if victim == nil || tt.once.n > tt.max/onceShare {
		victim = tt.once.tail
	}
	tt.evicted++
	tt.forget(victim)
}

// forget removes t, whatever points to it is invalid from then on.
func (tt *tupleTable) forget(t *tuple) {
	delete(tt.byKey, t.key)
	if t.s == nil {
		tt.once.remove(t)
	} else {
		tt.more.remove(t)
		t.s.reset()
		tt.freeSeries = append(tt.freeSeries, t.s)
	}
	*t = tuple{next: tt.free}
	tt.free = t
}

// renew makes t as if it had never had a flow, in place.
func (tt *tupleTable) renew(t *tuple) {
	t.flows, t.all = 0, 0
	if t.s != nil {
		t.s.reset()
	}
}

// tupleChunk is how many tuples are allocated at a time.
const tupleChunk = 256

func (tt *tupleTable) newTuple() *tuple {
	if t := tt.free; t != nil {
		tt.free, t.next = t.next, nil
		return t
	}
	if len(tt.fresh) == 0 {
		tt.fresh = make([]tuple, min(tupleChunk, tt.max))
	}
	t := &tt.fresh[0]
	tt.fresh = tt.fresh[1:]
	return t
}

func (tt *tupleTable) newSeries() *series {
	if n := len(tt.freeSeries); n > 0 {
		s := tt.freeSeries[n-1]
		tt.freeSeries = tt.freeSeries[:n-1]
		return s
	}
	return new(series)
}
