package detection

import "slips-ips/argusfeed"

// seriesID is the number of a series in its table; 0 is none.
type seriesID uint32

// series is what is remembered of a tuple that has had more flows than a young
// one keeps. What each flow needs comes first.
type series struct {
	// letters are all of them for the reference scorer, the newest otherwise;
	// cut says that older ones are gone.
	letters []byte
	pairs   pairCounts // reference scorer
	// newest is the start of the newest flow seen; begun tells that the scorer was
	// told of the tuple; counted is how many of the letters are in pairs.
	newest  argusfeed.Time
	begun   bool
	cut     bool
	counted uint32
	// last is the newest verdict, match the newest malicious one and
	// matchWindow its window; matches counts the detections. The verdicts were made
	// with the models of the number set.
	last        verdict
	matchWindow uint32
	matches     uint32
	set         uint32
	id          seriesID
	// room is what letters and pairs begin in: most tuples need no more.
	room struct {
		letters [32]byte
		pairs   [4]pairCount
	}
	match verdict

	contacts []contacts // behaviour scorer: one for each span of merging
	open     connections
}

// keepLetters is the largest buffer that a forgotten tuple leaves for the next.
const keepLetters = 1 << 10

// reset empties s but for its buffers and its number.
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
	*s = series{id: s.id, letters: letters, pairs: pairs, contacts: s.contacts[:0], open: s.open[:0]}
}

// forgetVerdicts leaves no verdict of models that were replaced; those of the
// number set are in use now.
func (s *series) forgetVerdicts(set uint32) {
	s.last, s.match, s.matchWindow, s.set = verdict{}, verdict{}, 0, set
}

// seriesChunk is how many series are allocated at a time.
const seriesChunk = 32

// seriesTable holds the series of a tuple table, by number. Those that are free
// keep their buffers.
type seriesTable struct {
	chunks []*[seriesChunk]series
	used   int
	free   []seriesID
}

// at gives the series of a number; nil for none.
func (st *seriesTable) at(id seriesID) *series {
	if id == 0 {
		return nil
	}
	id--
	return &st.chunks[id/seriesChunk][id%seriesChunk]
}

// add gives an empty series.
func (st *seriesTable) add() *series {
	if n := len(st.free); n > 0 {
		id := st.free[n-1]
		st.free = st.free[:n-1]
		return st.at(id)
	}
	if st.used == len(st.chunks)*seriesChunk {
		st.chunks = append(st.chunks, new([seriesChunk]series))
	}
	st.used++
	s := st.at(seriesID(st.used))
	s.id = seriesID(st.used)
	s.reset()
	return s
}

// drop takes back a series.
func (st *seriesTable) drop(s *series) {
	s.reset()
	st.free = append(st.free, s.id)
}
