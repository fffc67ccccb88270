package argusfeed

import (
	"encoding/binary"
	"hash/maphash"
)

// Hash gives a number for tables of tuples. It depends on the seed, so that who
// sends traffic cannot choose tuples that fall on the same place.
func (t *Tuple) Hash(seed maphash.Seed) uint64 {
	var b [48]byte
	copy(b[:], t.Src.b[:])
	copy(b[16:], t.Dst.b[:])
	// Ports leave the upper bytes free, protocols too.
	binary.LittleEndian.PutUint64(b[32:], uint64(t.Port)^uint64(t.Src.kind)<<48^uint64(t.Dst.kind)<<56)
	binary.LittleEndian.PutUint64(b[40:], uint64(t.Proto))
	return maphash.Bytes(seed, b[:])
}
