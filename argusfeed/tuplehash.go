package argusfeed

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// Seed is what hashes depend on, so that those who send traffic cannot choose
// what falls on the same place. It is random and nobody is told of it.
type Seed [8]uint64

// NewSeed makes a seed.
func NewSeed() *Seed {
	s := new(Seed)
	for i := range s {
		s[i] = rand.Uint64() // not predictable, from the system's random numbers
	}
	return s
}

// mix multiplies two words that the seed hides, and folds the product, as Go's
// own hash does where a processor has no instructions for AES. For a few words in
// registers it is several times as fast as any hash of bytes.
func (s *Seed) mix(i int, a, b uint64) uint64 {
	high, low := bits.Mul64(a^s[i], b^s[i+1])
	return high ^ low
}

// ends mixes the addresses of two ends and their ports. Ports leave the upper
// bytes free.
func (s *Seed) ends(a, b *Addr, aPort, bPort uint64) uint64 {
	return s.mix(0, binary.LittleEndian.Uint64(a.b[:8]), binary.LittleEndian.Uint64(b.b[:8])) ^
		s.mix(2, binary.LittleEndian.Uint64(a.b[8:]), binary.LittleEndian.Uint64(b.b[8:])) ^
		s.mix(4, aPort^uint64(a.kind)<<56, bPort^uint64(b.kind)<<56)
}

// Hash gives a number for tables of tuples.
func (t *Tuple) Hash(s *Seed) uint64 {
	return s.mix(6, s.ends(&t.Src, &t.Dst, uint64(t.Port), 0), uint64(t.Proto))
}
