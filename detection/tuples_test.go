package detection

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"slips-ips/argusfeed"
)

func numbered(i uint32) argusfeed.Tuple {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], i)
	return argusfeed.Tuple{Src: argusfeed.AddrFrom4(b), Proto: argusfeed.ProtoTCP}
}

// naiveTable is a tupleTable without any thought for speed; the newest are last.
type naiveTable struct {
	most  int
	tiers [tiers][]argusfeed.Tuple
	// crowded tells of each that came into a tier whether it found many alike.
	crowded [tiers][]bool
}

func (n *naiveTable) len() (all int) {
	for _, l := range n.tiers {
		all += len(l)
	}
	return all
}

// take removes k and tells where it was.
func (n *naiveTable) take(k argusfeed.Tuple) (tier, bool) {
	for i, l := range n.tiers {
		if at := slices.Index(l, k); at >= 0 {
			n.tiers[i] = slices.Delete(slices.Clone(l), at, at+1)
			return tier(i), true
		}
	}
	return 0, false
}

// put adds a tuple that comes from another tier.
func (n *naiveTable) put(to tier, k argusfeed.Tuple) {
	n.tiers[to] = append(n.tiers[to], k)
	n.crowded[to] = append(n.crowded[to], !n.few(to, k))
}

// shift removes the oldest of a tier.
func (n *naiveTable) shift(from tier) (k argusfeed.Tuple) {
	k, n.tiers[from] = n.tiers[from][0], n.tiers[from][1:]
	return k
}

func (n *naiveTable) over(i tier) bool { return len(n.tiers[i]) > n.most/tierShares[i] }

// few tells whether few of a tier are like k.
func (n *naiveTable) few(i tier, k argusfeed.Tuple) bool {
	at := placesOf(&k)
	ports, hosts := 0, 0
	for _, k := range n.tiers[i] {
		if p := placesOf(&k); p.port == at.port {
			ports++
		}
		if h := placesOf(&k); h.host == at.host {
			hosts++
		}
	}
	return max(ports, hosts) <= max(fewAlike, len(n.tiers[i])/spareShare)
}

// spares tells whether the oldest of a tier has few alike, and one of those that
// came since, at most as many as there are, found many.
func (n *naiveTable) spares(i tier) bool {
	if i != tierOnce && i != tierSeveral {
		return false
	}
	crowded := n.crowded[i]
	return slices.Contains(crowded[max(0, len(crowded)-len(n.tiers[i])-1):], true) && n.few(i, n.tiers[i][0])
}

// victim is the tier that is to lose one.
func (n *naiveTable) victim() tier {
	for i := range tiers {
		if n.over(i) {
			return i
		}
	}
	for i := range tiers {
		if len(n.tiers[i]) > 0 {
			return i
		}
	}
	panic("an empty table is full")
}

// evict tells the tier that lost one.
func (n *naiveTable) evict() tier {
	i := n.victim()
	for spared := 0; spared < 3 && n.spares(i); spared++ {
		n.put(tierSpared, n.shift(i))
		i = n.victim()
	}
	n.shift(i)
	return i
}

// What a table remembers, and in which order, is what a naive one remembers.
func TestTupleTableLikeNaive(t *testing.T) {
	const most = 40
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a test
	tt, n := newTupleTable(most), &naiveTable{most: most}
	var evicted [tiers]int
	for step := range 30_000 {
		k := numbered(uint32(rnd.IntN(120)) * uint32(rnd.IntN(2)*997+1))
		if rnd.IntN(3) == 0 { // of somebody who has many
			k.Dst, k.Src = k.Src, numbered(1).Src
		}
		tt.expect([]argusfeed.Flow{{Tuple: k}, {Tuple: numbered(7)}})
		had, ok := n.take(k)
		was := had
		if !ok && n.len() >= most {
			evicted[n.evict()]++
		}
		e := tt.entry(tt.get(&k, k.Hash(tt.seed)))
		switch {
		case !ok:
			had = tierOnce
		case e.rest == 0: // also one that was spared
			had = tierSeveral
			tt.widen(&e, rnd.IntN(2) == 0)
		case rnd.IntN(2) == 0:
			to := tierLong + tier(rnd.IntN(2))
			had = max(had, to)
			tt.raise(e.tuple, to)
		}
		if ok && had == was {
			n.tiers[had] = append(n.tiers[had], k)
		} else {
			n.put(had, k)
		}
		if rnd.IntN(50) == 0 {
			l := n.tiers[rnd.IntN(int(tiers))]
			if len(l) > 0 {
				k := l[rnd.IntN(len(l))]
				tt.forget(tt.find(&k, k.Hash(tt.seed)))
				n.take(k)
			}
		}
		if tt.len() != n.len() {
			t.Fatalf("step %d: %d tuples, want %d", step, tt.len(), n.len())
		}
		if step%100 != 0 {
			continue
		}
		for i, want := range n.tiers {
			var got []argusfeed.Tuple
			for x := tt.at(tt.lists[i].tail); x != nil; x = tt.at(x.prev) {
				got = append(got, x.key)
			}
			if !slices.Equal(got, want) || tt.lists[i].n != len(want) {
				t.Fatalf("step %d: tier %d has %v, want %v", step, i, got, want)
			}
		}
	}
	for i, n := range evicted {
		if n == 0 {
			t.Errorf("none left tier %d: not everything was tested", i)
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
		tt.get(&k, k.Hash(tt.seed))
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
				tt.get(&k, k.Hash(tt.seed))
				tt.get(&k, k.Hash(tt.seed))
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
					tt.get(&flows[i].Tuple, tt.hashes[i])
				}
			}
		})
	}
}
