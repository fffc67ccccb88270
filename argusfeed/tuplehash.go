package argusfeed

import (
	"encoding/binary"
	"hash/maphash"
)

// Seed is what hashes depend on, so that those who send traffic cannot choose
// what falls on the same place. It is random and nobody is told of it.
type Seed struct{ seed maphash.Seed }

// NewSeed makes a seed.
func NewSeed() *Seed { return &Seed{maphash.MakeSeed()} }

// hash hashes two ends with their ports, and something besides. Ports and
// protocols leave the upper bytes free.
func (s *Seed) hash(a, b *Addr, aPort, bPort, more uint64) uint64 {
	var buf [56]byte
	copy(buf[:], a.b[:])
	copy(buf[16:], b.b[:])
	binary.LittleEndian.PutUint64(buf[32:], aPort^uint64(a.kind)<<56)
	binary.LittleEndian.PutUint64(buf[40:], bPort^uint64(b.kind)<<56)
	binary.LittleEndian.PutUint64(buf[48:], more)
	return maphash.Bytes(s.seed, buf[:])
}

// Hash gives a number for tables of addresses.
func (a *Addr) Hash(seed maphash.Seed) uint64 {
	var buf [24]byte
	copy(buf[:], a.b[:])
	buf[16] = byte(a.kind)
	return maphash.Bytes(seed, buf[:])
}

// Hash gives a number for tables of tuples.
func (t *Tuple) Hash(s *Seed) uint64 {
	return s.hash(&t.Src, &t.Dst, uint64(t.Port), 0, uint64(t.Proto))
}
