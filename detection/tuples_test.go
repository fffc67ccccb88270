package detection

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"

	"slips-ips/argusfeed"
)

func numbered(i uint32) argusfeed.Tuple {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], i)
	return argusfeed.Tuple{Src: argusfeed.AddrFrom4(b), Proto: argusfeed.ProtoTCP}
}

// What a table remembers, and in which order, is what a naive one remembers.
func TestTupleTableLikeNaive(t *testing.T) {
	type naive struct {
		once, more []argusfeed.Tuple // newest last
	}
	without := func(l []argusfeed.Tuple, k argusfeed.Tuple) ([]argusfeed.Tuple, bool) {
		for i := range l {
			if l[i] == k {
				return append(l[:i:i], l[i+1:]...), true
			}
		}
		return l, false
	}
	const most = 40
	rnd := rand.New(rand.NewPCG(1, 2))
	tt := newTupleTable(most)
	var n naive
	for step := range 30_000 {
		k := numbered(uint32(rnd.IntN(120)) * uint32(rnd.IntN(2)*997+1))
		tt.expect([]argusfeed.Flow{{Tuple: k}, {Tuple: numbered(7)}})
		x := tt.get(&k)
		var had bool
		if n.more, had = without(n.more, k); had {
			n.more = append(n.more, k)
		} else if n.once, had = without(n.once, k); had {
			n.more = append(n.more, k)
			e := tt.entry(x)
			tt.widen(&e, rnd.IntN(2) == 0)
		} else {
			switch {
			case len(n.once)+len(n.more) < most:
			case len(n.more) == 0 || len(n.once) > most/onceShare:
				n.once = n.once[1:]
			default:
				n.more = n.more[1:]
			}
			n.once = append(n.once, k)
		}
		if len(n.more) > 0 && rnd.IntN(50) == 0 {
			i := rnd.IntN(len(n.more))
			tt.forget(tt.find(&n.more[i], n.more[i].Hash(tt.seed)))
			n.more = append(n.more[:i:i], n.more[i+1:]...)
		}
		if tt.len() != len(n.once)+len(n.more) || tt.once.n != len(n.once) || tt.more.n != len(n.more) {
			t.Fatalf("step %d: %d tuples (%d, %d), want %d and %d", step, tt.len(), tt.once.n, tt.more.n, len(n.once), len(n.more))
		}
		if step%100 != 0 {
			continue
		}
		for _, l := range []struct {
			got  *recency
			want []argusfeed.Tuple
		}{{&tt.once, n.once}, {&tt.more, n.more}} {
			i := 0
			for x := tt.at(l.got.tail); x != nil; x = tt.at(x.prev) {
				if i >= len(l.want) || x.key != l.want[i] {
					t.Fatalf("step %d: the lists differ at %d", step, i)
				}
				i++
			}
		}
	}
}

// A tuple with one flow takes two lines of the cache and a place in the index.
func TestTupleMemory(t *testing.T) {
	const n = 200_000
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	tt := newTupleTable(n)
	for i := range uint32(n) {
		k := numbered(i)
		tt.get(&k)
	}
	runtime.ReadMemStats(&after)
	// The halves that the index outgrew are in this, up to 16 bytes.
	if perTuple := (after.TotalAlloc - before.TotalAlloc) / n; perTuple > 170 {
		t.Errorf("%d bytes were allocated for a tuple with one flow", perTuple)
	}
	runtime.KeepAlive(tt)
}

func BenchmarkTupleTable(b *testing.B) {
	for _, bench := range []struct {
		name  string
		known int
		key   func(i uint32) uint32
	}{
		{"new", 100_000, func(i uint32) uint32 { return i }},
		{"known-1000", 1000, func(i uint32) uint32 { return i % 1000 }},
		{"known-1M", 1_000_000, func(i uint32) uint32 { return i * 2654435761 % 1_000_000 }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			tt := newTupleTable(bench.known)
			for i := range uint32(bench.known) {
				k := numbered(i)
				tt.get(&k)
				tt.get(&k)
			}
			flows := make([]argusfeed.Flow, expected)
			next := uint32(bench.known)
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; n < b.N; n += expected {
				for i := range flows {
					flows[i].Tuple = numbered(bench.key(next))
					next++
				}
				tt.expect(flows)
				for i := range flows {
					tt.get(&flows[i].Tuple)
				}
			}
		})
	}
}
