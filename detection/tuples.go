package detection

import "slips-ips/argusfeed"

// tupleID is the number of a tuple in its table; 0 is none.
type tupleID uint32

// tuple is what is remembered of one tuple. Those with a single flow, by far
// the most, have no more than this. It is as large as two lines of a processor's
// cache, the key in the first one, and holds no pointers.
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
	// all counts the flows seen, which may not be over, flows those that made
	// letters.
	all   uint64
	flows uint32
	// window is the number of the window of its newest flow, inWindow how many
	// flows it had in that window.
	window, inWindow uint32
	// since is the second of its first flow.
	since uint32
	// rest is what is remembered of it from its second flow on.
	rest restID
	// prev and next are its neighbours in the list of recency that it is in.
	prev, next tupleID
	tier       tier
	places     places
}

// restID is the number of a series, or with restYoung that of a young one; 0 is
// none.
type restID uint32

const restYoung restID = 1 << 31

func (r restID) young() youngID {
	if r&restYoung == 0 {
		return 0
	}
	return youngID(r &^ restYoung)
}

func (r restID) series() seriesID {
	if r&restYoung != 0 {
		return 0
	}
	return seriesID(r)
}

// entry is a tuple of a table with what is remembered of it from its second flow
// on: s is nil before that and as long as it is young, y is nil where it is not.
type entry struct {
	*tuple
	s *series
	y *young
}

// several tells whether more than one flow is remembered of it.
func (t *tuple) several() bool { return t.rest != 0 }

// tupleTable holds at most max tuples, or more for a while after max was lowered.
// What leaves it is reused, so that a full table allocates nothing.
type tupleTable struct {
	max   int
	n     int
	seed  *argusfeed.Seed
	index argusfeed.Index
	lists [tiers]recency
	alike [2]sameSource
	// evicted counts the tuples that had to make room.
	evicted uint64
	// scans is the number of the newest scan; see Scan.
	scans uint16

	chunks []*[tupleChunk]tuple // by number
	used   int                  // numbers given out
	free   tupleID              // linked by next
	youngs youngTable
	series seriesTable

	hashes  [expected]uint64 // of the flows that were expected last
	touched uint64           // see expect
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

// entry gives a tuple with what is remembered of it.
func (tt *tupleTable) entry(t *tuple) entry {
	return entry{tuple: t, s: tt.series.at(t.rest.series()), y: tt.youngs.at(t.rest.young())}
}

// get gives the tuple of that key; the caller has a flow of it, so it becomes
// the most recent. A tuple without flows is new.
func (tt *tupleTable) get(key *argusfeed.Tuple, hash uint64) *tuple {
	if t := tt.find(key, hash); t != nil {
		tt.refresh(t)
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
	t.tier, t.places = tierOnce, placesOf(key)
	tt.enter(t)
	return t
}

// widen gives a tuple that had one flow what several flows need: little where
// it may be young.
func (tt *tupleTable) widen(t *entry, young bool) {
	tt.move(t.tuple, tierSeveral)
	if young {
		t.y = tt.youngs.add()
		t.rest = restYoung | restID(t.y.id)
		return
	}
	t.s = tt.series.add()
	t.rest = restID(t.s.id)
}

// forget removes t, whatever points to it is invalid from then on.
func (tt *tupleTable) forget(t *tuple) {
	tt.index.Remove(t.key.Hash(tt.seed), uint32(t.id))
	tt.n--
	tt.leave(t)
	if y := tt.youngs.at(t.rest.young()); y != nil {
		tt.youngs.drop(y)
	}
	if s := tt.series.at(t.rest.series()); s != nil {
		tt.series.drop(s)
	}
	*t = tuple{id: t.id, next: tt.free}
	tt.free = t.id
}

// renew makes t as if it had never had a flow, in place.
func (tt *tupleTable) renew(t *entry) {
	t.flows, t.all, t.answered = 0, 0, false
	if t.s != nil {
		t.s.reset()
	}
	if t.y != nil {
		*t.y = young{id: t.y.id}
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
