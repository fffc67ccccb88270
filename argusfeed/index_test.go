package argusfeed

import (
	"testing"

	"pgregory.net/rapid"
)

// The index finds what a map finds, also where hashes meet: few homes, and
// different keys with equal hashes.
func TestIndexLikeMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		few := rapid.Uint64Range(1, 40).Draw(t, "hashes")
		weak := func(k uint32) uint64 {
			h := uint64(k) * 0x9e3779b97f4a7c15 >> 32 % few
			return h<<58 | h%8 | h>>3<<20
		}
		var x Index
		var keys []uint32 // by number, from 1
		find := func(k uint32) uint32 {
			hash := weak(k)
			at := x.Find(hash)
			n := at.Next()
			first := n
			for n != 0 && keys[n-1] != k {
				n = at.Next()
			}
			if h := x.Home(hash); h != 0 && h != first {
				t.Fatalf("%d is at home, %d is found first", h, first)
			}
			return n
		}
		model := map[uint32]uint32{}
		for range rapid.IntRange(1, 400).Draw(t, "steps") {
			k := rapid.Uint32Range(0, 60).Draw(t, "key")
			old := model[k]
			if got := find(k); got != old {
				t.Fatalf("%d: found %d, want number %d", k, got, old)
			}
			n := uint32(len(keys) + 1)
			switch {
			case old == 0:
				x.Insert(weak(k), n)
			case rapid.Bool().Draw(t, "replace"):
				x.Replace(weak(k), old, n)
			default:
				x.Remove(weak(k), old)
				delete(model, k)
				continue
			}
			keys = append(keys, k)
			model[k] = n
		}
		for k, n := range model {
			if find(k) != n {
				t.Fatalf("%d is lost", k)
			}
		}
		if n := x.len(); n != len(model) {
			t.Fatalf("%d numbers, want %d", n, len(model))
		}
	})
}

func (x *Index) len() (n int) {
	for i := range x.parts {
		n += x.parts[i].n
	}
	return n
}
