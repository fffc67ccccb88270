package argusfeed

// Index finds numbers, which are not 0, by a hash of what they stand for. A map
// would hold each key a second time, and cost two more reads of cold memory for
// a record. It is made of parts that grow one by one: none of the pauses is
// long, however many numbers there are. The zero value is empty.
//
// The hash must depend on a Seed: those who send traffic choose the keys.
type Index struct {
	parts [indexParts]indexPart
}

const (
	indexParts     = 256
	indexPartStart = 8
)

// indexPart is an open-addressed table, probed from the home of a hash on. What
// leaves it is closed up, so that a table that is full for days stays as fast
// as a new one. It is at most three quarters full.
type indexPart struct {
	slots []indexSlot // a power of two
	n     int
}

// indexSlot holds the low half of a hash; a part stands for the uppermost bits.
// number is 0 where it is empty.
type indexSlot struct {
	hash   uint32
	number uint32
}

func (x *Index) part(hash uint64) *indexPart { return &x.parts[hash>>56] }

// Home gives the number in the first place of a hash, if it is of that hash;
// else 0. That is nearly always the one that Find gives first. No decision hangs
// on what is read, so that a processor goes on with other reads meanwhile.
func (x *Index) Home(hash uint64) uint32 {
	s := x.home(hash)
	n := s.number
	if s.hash != uint32(hash) {
		n = 0
	}
	return n
}

func (x *Index) home(hash uint64) indexSlot {
	p := x.part(hash)
	if len(p.slots) == 0 {
		return indexSlot{}
	}
	return p.slots[uint32(hash)&uint32(len(p.slots)-1)]
}

// Found goes through what may have a hash. It is valid until the index changes.
type Found struct {
	slots []indexSlot
	hash  uint32
	at    uint32
}

// Find gives the numbers that may have a hash: others are among them once in
// thousands of millions, so that the caller must compare.
func (x *Index) Find(hash uint64) Found {
	return Found{slots: x.part(hash).slots, hash: uint32(hash), at: uint32(hash)}
}

// Next gives the next number; 0: there is none.
func (f *Found) Next() uint32 {
	if len(f.slots) == 0 {
		return 0
	}
	for mask := uint32(len(f.slots) - 1); ; {
		s := f.slots[f.at&mask]
		f.at++
		if s.hash == f.hash || s.number == 0 {
			return s.number
		}
	}
}

// Insert adds a number that is not there.
func (x *Index) Insert(hash uint64, number uint32) {
	p := x.part(hash)
	if 4*(p.n+1) > 3*len(p.slots) {
		p.grow()
	}
	p.put(indexSlot{uint32(hash), number})
	p.n++
}

func (p *indexPart) put(s indexSlot) {
	mask := uint32(len(p.slots) - 1)
	i := s.hash & mask
	for p.slots[i].number != 0 {
		i = (i + 1) & mask
	}
	p.slots[i] = s
}

func (p *indexPart) grow() {
	old := p.slots
	p.slots = make([]indexSlot, max(indexPartStart, 2*len(old)))
	for _, s := range old {
		if s.number != 0 {
			p.put(s)
		}
	}
}

// slot gives the place of a number that is there.
func (p *indexPart) slot(hash uint64, number uint32) uint32 {
	mask := uint32(len(p.slots) - 1)
	i := uint32(hash) & mask
	for p.slots[i].number != number {
		i = (i + 1) & mask
	}
	return i
}

// Replace puts a number in the place of another one that is there.
func (x *Index) Replace(hash uint64, old, number uint32) {
	p := x.part(hash)
	p.slots[p.slot(hash, old)].number = number
}

// Remove takes out a number that is there.
func (x *Index) Remove(hash uint64, number uint32) {
	p := x.part(hash)
	mask := uint32(len(p.slots) - 1)
	i := p.slot(hash, number)
	// Those behind move up, but never to before their home.
	for j := (i + 1) & mask; p.slots[j].number != 0; j = (j + 1) & mask {
		if home := p.slots[j].hash & mask; (j-home)&mask >= (j-i)&mask {
			p.slots[i] = p.slots[j]
			i = j
		}
	}
	p.slots[i] = indexSlot{}
	p.n--
}
