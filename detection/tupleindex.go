package detection

import (
	"hash/maphash"

	"slips-ips/argusfeed"
)

// tupleID is the number of a tuple in its table; 0 is none.
type tupleID uint32

// tupleIndex finds the number of a tuple by its hash. A map of tuples would hold
// each key a second time, some hundred bytes, and cost two more reads of cold
// memory for a flow. It is made of parts that grow one by one: none of the
// pauses is long, however many tuples there are.
type tupleIndex struct {
	seed  maphash.Seed
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

// indexSlot holds the low half of a tuple's hash. id is 0 where it is empty.
type indexSlot struct {
	hash uint32
	id   tupleID
}

func (x *tupleIndex) hash(key *argusfeed.Tuple) uint64 { return key.Hash(x.seed) }

func (x *tupleIndex) part(hash uint64) *indexPart { return &x.parts[hash>>56] }

// home gives what is at the first place of a hash.
func (x *tupleIndex) home(hash uint64) indexSlot {
	p := x.part(hash)
	if p.n == 0 {
		return indexSlot{}
	}
	return p.slots[uint32(hash)&uint32(len(p.slots)-1)]
}

// find gives the tuple of that key; nil: there is none.
func (tt *tupleTable) find(key *argusfeed.Tuple, hash uint64) *tuple {
	p := tt.index.part(hash)
	if p.n == 0 {
		return nil
	}
	mask := uint32(len(p.slots) - 1)
	for i := uint32(hash) & mask; p.slots[i].id != 0; i = (i + 1) & mask {
		if p.slots[i].hash == uint32(hash) {
			if t := tt.at(p.slots[i].id); t.key == *key {
				return t
			}
		}
	}
	return nil
}

// insert adds a tuple that is not there.
func (x *tupleIndex) insert(hash uint64, id tupleID) {
	p := x.part(hash)
	if 4*(p.n+1) > 3*len(p.slots) {
		p.grow()
	}
	p.put(indexSlot{uint32(hash), id})
	p.n++
}

func (p *indexPart) put(s indexSlot) {
	mask := uint32(len(p.slots) - 1)
	i := s.hash & mask
	for p.slots[i].id != 0 {
		i = (i + 1) & mask
	}
	p.slots[i] = s
}

func (p *indexPart) grow() {
	old := p.slots
	p.slots = make([]indexSlot, max(indexPartStart, 2*len(old)))
	for _, s := range old {
		if s.id != 0 {
			p.put(s)
		}
	}
}

// remove takes out a tuple that is there.
func (x *tupleIndex) remove(hash uint64, id tupleID) {
	p := x.part(hash)
	mask := uint32(len(p.slots) - 1)
	i := uint32(hash) & mask
	for p.slots[i].id != id {
		i = (i + 1) & mask
	}
	// Those behind move up, but never to before their home.
	for j := (i + 1) & mask; p.slots[j].id != 0; j = (j + 1) & mask {
		if home := p.slots[j].hash & mask; (j-home)&mask >= (j-i)&mask {
			p.slots[i] = p.slots[j]
			i = j
		}
	}
	p.slots[i] = indexSlot{}
	p.n--
}

// expected is how many flows tupleTable.expect looks at.
const expected = 32

// expect looks up the tuples of the flows that come next, at most expected of
// them. It changes nothing: what it reads is cold memory, which a processor
// fetches for many tuples in the time that it takes for one.
func (tt *tupleTable) expect(flows []argusfeed.Flow) {
	var ids [expected]tupleID
	var hashes [expected]uint64
	flows = flows[:min(len(flows), expected)]
	for i := range flows {
		hashes[i] = tt.index.hash(&flows[i].Tuple)
	}
	fresh := 0
	for i := range flows {
		if s := tt.index.home(hashes[i]); s.hash == uint32(hashes[i]) {
			ids[i] = s.id
		} else {
			fresh++
		}
	}
	// Those that will have to make room.
	if tt.n+fresh > tt.max {
		n := 0
		for t := tt.at(tt.once.tail); t != nil && n < fresh; t = tt.at(t.prev) {
			hashes[n] = tt.index.hash(&t.key)
			n++
		}
		for _, h := range hashes[:n] {
			tt.touched += uint64(tt.index.home(h).id)
		}
	}
	var near [2 * expected]tupleID
	var known [expected]*series
	for i, id := range ids {
		if t := tt.at(id); t != nil {
			near[2*i], near[2*i+1] = t.prev, t.next
			known[i] = t.s
			tt.touched += uint64(t.first)
		}
	}
	for _, id := range near {
		if t := tt.at(id); t != nil {
			tt.touched += uint64(t.id)
		}
	}
	for _, s := range known {
		if s != nil && s.cut {
			tt.touched++
		}
	}
	for _, s := range known {
		if s == nil {
			continue
		}
		if n := len(s.letters); n > 0 {
			tt.touched += uint64(s.letters[n-1])
		}
		if len(s.pairs) > 0 {
			tt.touched += uint64(s.pairs[0].count)
		}
	}
}
