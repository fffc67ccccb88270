package detection

import (
	"hash/maphash"

	"slips-ips/argusfeed"
)

// maxContext is how many networks, and how many hosts, a generation holds.
const maxContext = 1 << 16

// generations is a map that forgets: when the young one is full it becomes the
// old one, and what was old is gone. Looking up keeps an entry, as noting does: a
// tuple that has been there for long keeps its company. It is empty with nothing but
// a seed. Callers, who look up several times, bring the hash of a key by that seed.
type generations[K contextKey, V any] struct {
	young, old contextTable[K, V]
	seed       maphash.Seed
}

// contextKey is what is looked up. Those who send traffic choose it, so its place
// depends on a seed; what is remembered does not.
type contextKey interface {
	netKey | hostKey
	hash(maphash.Seed) uint64
}

// at gives the entry of a key in the young one, kept or new; valid until the next
// call.
func (g *generations[K, V]) at(k K, hash uint64) *V {
	if v := g.find(k, hash); v != nil {
		return v
	}
	return g.add(k, hash)
}

// find gives the entry of a key, which is kept; nil: there is none.
func (g *generations[K, V]) find(k K, hash uint64) *V {
	if v := g.young.find(k, hash); v != nil {
		return v
	}
	if v := g.old.find(k, hash); v != nil {
		kept := *v // making room may take it away
		v = g.add(k, hash)
		*v = kept
		return v
	}
	return nil
}

// peek is find that keeps nothing.
func (g *generations[K, V]) peek(k K, hash uint64) (v V) {
	found := g.young.find(k, hash)
	if found == nil {
		found = g.old.find(k, hash)
	}
	if found != nil {
		v = *found
	}
	return v
}

// add gives a new entry of a key that the young one does not have.
func (g *generations[K, V]) add(k K, hash uint64) *V {
	if g.young.n >= maxContext {
		g.young, g.old = g.old, g.young
		clear(g.young.slots)
		g.young.n = 0
	}
	return g.young.add(k, hash, g.seed)
}

// home reads the first places of a hash, and decides nothing by what is there.
func (g *generations[K, V]) home(hash uint64) uint64 {
	return uint64(g.young.home(hash)) + uint64(g.old.home(hash))
}

// contextTable is an open-addressed table, at most three quarters full. A map of
// the language would look each key up anew for being read, changed and kept.
type contextTable[K contextKey, V any] struct {
	slots []contextSlot[K, V] // a power of two
	n     int
}

type contextSlot[K contextKey, V any] struct {
	value V
	key   K
	used  uint8 // 1, or 0
}

func (t *contextTable[K, V]) find(k K, hash uint64) *V {
	if t.n == 0 {
		return nil
	}
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		if s.used == 0 {
			return nil
		}
		if s.key == k {
			return &s.value
		}
	}
}

func (t *contextTable[K, V]) add(k K, hash uint64, seed maphash.Seed) *V {
	const start = 64
	if 4*(t.n+1) > 3*len(t.slots) {
		old := t.slots
		t.slots = make([]contextSlot[K, V], max(start, 2*len(old)))
		for i := range old {
			if old[i].used != 0 {
				*t.free(old[i].key.hash(seed)) = old[i]
			}
		}
	}
	s := t.free(hash)
	s.key, s.used = k, 1
	t.n++
	return &s.value
}

// free gives the first free place from the home of a hash on.
func (t *contextTable[K, V]) free(hash uint64) *contextSlot[K, V] {
	mask := uint64(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i].used != 0 {
		i = (i + 1) & mask
	}
	return &t.slots[i]
}

// home reads the first place of a hash.
func (t *contextTable[K, V]) home(hash uint64) uint8 {
	if len(t.slots) == 0 {
		return 0
	}
	return t.slots[hash&uint64(len(t.slots)-1)].used
}

// netKey is a network: /24 of IPv4, /48 of IPv6, the lowest bit telling IPv6.
type netKey uint64

func (k netKey) hash(seed maphash.Seed) uint64 { return maphash.Comparable(seed, uint64(k)) }

func netOf(a argusfeed.Addr) netKey {
	hi, lo, ok := a.Words()
	switch {
	case !ok:
		return 0
	case hi == 0 && lo>>32 == 0xffff: // IPv4
		return netKey(uint32(lo)>>8) << 1
	}
	return netKey(hi>>16)<<1 | 1
}

// hostKey is a host.
type hostKey struct{ addr argusfeed.Addr }

func (k hostKey) hash(seed maphash.Seed) uint64 { return k.addr.Hash(seed) }
