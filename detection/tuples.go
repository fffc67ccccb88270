package detection

import "slips-ips/argusfeed"

// tupleID is the number of a tuple in its table; 0 is none.
type tupleID uint32

// tuple is what is remembered of one tuple. Those with a single flow, by far
// the most, have no series. It is as large as two lines of a processor's cache,
// the key in the first one.
type tuple struct {
	key argusfeed.Tuple
	// first is the letter of its first flow, bytes are that flow's; answered says
	// that the destination ever did more than refuse.
	first    byte
	answered bool
	// born is the number of the newest scan that had begun when it came.
	born uint16
	// id is its own number.
	id    tupleID
	bytes uint64
	// last is the start of the newest flow that made a letter, or of the first one
	// of all; gap is the time between the last two.
	last, gap argusfeed.Time
	// flows counts those that made letters, all those seen, which may not be over.
	flows, all uint64
	// window is the number of the window of its newest flow, inWindow how many
	// flows it had in that window.
	window, inWindow uint32

	s *series
	// prev and next are its neighbours in the list of recency that it is in.
	prev, next tupleID
}

// series is what is remembered of a tuple from its second flow on. What each
// flow needs comes first.
type series struct {
	// letters are all of them for the reference scorer, the newest otherwise;
	// cut says that older ones are gone.
	letters []byte
	pairs   pairCounts // reference scorer
	// newest is the start of the newest flow seen; begun tells that the scorer was
	// told of the tuple; counted is how many of the letters are in pairs.
	newest  argusfeed.Time
	begun   bool
	counted uint32
	// last is the newest verdict, match the newest malicious one and
	// matchWindow its window; matches counts the detections. The verdicts were made
	// with the models of the number set.
	last        verdict
	cut         bool
	matchWindow uint32
	// room is what letters and pairs begin in: most tuples need no more.
	room struct {
		letters [32]byte
		pairs   [4]pairCount
	}
	matches uint32
	set     uint32
	match   verdict

	contacts []contacts // behaviour scorer: one for each span of merging
	open     *connections
}

// keepLetters is the largest buffer that a forgotten tuple leaves for the next.
const keepLetters = 1 << 10

// reset empties s but for its buffers.
func (s *series) reset() {
	letters, pairs := s.letters[:0], s.pairs[:0]
	if cap(letters) == 0 || cap(letters) > keepLetters {
		letters = s.room.letters[:0]
	}
	if cap(pairs) == 0 {
		pairs = s.room.pairs[:0]
	}
	for i := range s.contacts {
		s.contacts[i].clear()
	}
	if s.open != nil {
		*s.open = connections{}
	}
	*s = series{letters: letters, pairs: pairs, contacts: s.contacts[:0], open: s.open}
}

// forgetVerdicts leaves no verdict of models that were replaced; those of the
// number set are in use now.
func (s *series) forgetVerdicts(set uint32) {
	s.last, s.match, s.matchWindow, s.set = verdict{}, verdict{}, 0, set
}

// recency is a list of tuples, the one with the newest flow first.
type recency struct {
	head, tail tupleID
	n          int
}

func (tt *tupleTable) push(l *recency, t *tuple) {
	t.prev, t.next = 0, l.head
	if h := tt.at(l.head); h != nil {
		h.prev = t.id
	} else {
		l.tail = t.id
	}
	l.head = t.id
	l.n++
}

func (tt *tupleTable) remove(l *recency, t *tuple) {
	if p := tt.at(t.prev); p != nil {
		p.next = t.next
	} else {
		l.head = t.next
	}
	if n := tt.at(t.next); n != nil {
		n.prev = t.prev
	} else {
		l.tail = t.prev
	}
	t.prev, t.next = 0, 0
	l.n--
}

// tupleTable holds at most max tuples, or more for a while after max was lowered. What leaves it is reused, so that a
// full table allocates nothing.
type tupleTable struct {
	max   int
	n     int
	seed  *argusfeed.Seed
	index argusfeed.Index
	// once holds the tuples with one flow, more the others.
	once, more recency
	// evicted counts the tuples that had to make room.
	evicted uint64
	// scans is the number of the newest scan; see Scan.
	scans uint16

	chunks     []*[tupleChunk]tuple // by number
	used       int                  // numbers given out
	free       tupleID              // linked by next
	freeSeries []*series

	freshSeries []series // not used yet
	touched     uint64   // see expect
}

// tupleChunk is how many tuples are allocated at a time.
const tupleChunk = 256

func newTupleTable(most int) *tupleTable {
	return &tupleTable{max: most, seed: argusfeed.NewSeed()}
}

func (tt *tupleTable) len() int { return tt.n }

// at gives the tuple with that number; nil for none.
func (tt *tupleTable) at(id tupleID) *tuple {
	if id == 0 {
		return nil
	}
	id--
	return &tt.chunks[id/tupleChunk][id%tupleChunk]
}

// find gives the tuple of that key; nil: there is none.
func (tt *tupleTable) find(key *argusfeed.Tuple, hash uint64) *tuple {
	found := tt.index.Find(hash)
	for n := found.Next(); n != 0; n = found.Next() {
		if t := tt.at(tupleID(n)); t.key == *key {
			return t
		}
	}
	return nil
}

// get gives the tuple of that key; the caller has a flow of it, so it becomes
// the most recent. A tuple without flows is new.
func (tt *tupleTable) get(key *argusfeed.Tuple) *tuple {
	hash := key.Hash(tt.seed)
	if t := tt.find(key, hash); t != nil {
		l := &tt.once
		if t.s != nil {
			l = &tt.more
		}
		if l.head != t.id {
			tt.remove(l, t)
			tt.push(l, t)
		}
		return t
	}
	// Two go where the table was made smaller, until it is.
	for n := 0; tt.n >= tt.max && n < 2; n++ {
		tt.evict()
	}
	t := tt.newTuple()
	t.key, t.born = *key, tt.scans
	tt.index.Insert(hash, uint32(t.id))
	tt.n++
	tt.push(&tt.once, t)
	return t
}

// widen gives a tuple that had one flow what several flows need.
func (tt *tupleTable) widen(t *tuple) {
	tt.remove(&tt.once, t)
	tt.push(&tt.more, t)
	t.s = tt.newSeries()
}

// onceShare is the part of the table, 1/onceShare, that tuples with one flow
// may always have: a slow beacon needs some time to come to its second flow.
const onceShare = 4

// evict forgets the tuple that was silent for the longest, of those with one
// flow if they are more than their share.
func (tt *tupleTable) evict() {
	victim := tt.more.tail
	if victim == 0 || tt.once.n > tt.max/onceShare {
		victim = tt.once.tail
	}
	tt.evicted++
	tt.forget(tt.at(victim))
}

// forget removes t, whatever points to it is invalid from then on.
func (tt *tupleTable) forget(t *tuple) {
	tt.index.Remove(t.key.Hash(tt.seed), uint32(t.id))
	tt.n--
	if t.s == nil {
		tt.remove(&tt.once, t)
	} else {
		tt.remove(&tt.more, t)
		t.s.reset()
		tt.freeSeries = append(tt.freeSeries, t.s)
	}
	*t = tuple{id: t.id, next: tt.free}
	tt.free = t.id
}

// renew makes t as if it had never had a flow, in place.
func (tt *tupleTable) renew(t *tuple) {
	t.flows, t.all, t.answered = 0, 0, false
	if t.s != nil {
		t.s.reset()
	}
}

func (tt *tupleTable) newTuple() *tuple {
	if t := tt.at(tt.free); t != nil {
		tt.free, t.next = t.next, 0
		return t
	}
	if tt.used == len(tt.chunks)*tupleChunk {
		tt.chunks = append(tt.chunks, new([tupleChunk]tuple))
	}
	tt.used++
	t := tt.at(tupleID(tt.used))
	t.id = tupleID(tt.used)
	return t
}

func (tt *tupleTable) newSeries() *series {
	if n := len(tt.freeSeries); n > 0 {
		s := tt.freeSeries[n-1]
		tt.freeSeries = tt.freeSeries[:n-1]
		return s
	}
	if len(tt.freshSeries) == 0 {
		tt.freshSeries = make([]series, seriesChunk)
	}
	s := &tt.freshSeries[0]
	tt.freshSeries = tt.freshSeries[1:]
	s.reset()
	return s
}

// seriesChunk is how many series are allocated at a time.
const seriesChunk = 32
