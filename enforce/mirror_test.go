package enforce

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

func numberedKey(n int) key {
	k, err := keyOf(mustTuple("10.0.0.2", "192.0.2.2", argusfeed.ProtoTCP, argusfeed.PortNumber(uint16(n+1))))
	if err != nil {
		panic(err)
	}
	return k
}

// The mirror holds what a plain list holds, whatever happens to it: order, ends,
// ids and counts.
func TestMirrorLikeNaive(t *testing.T) {
	type entry struct {
		key key
		Active
	}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		m := newMirror(func() time.Time { return now })
		var naive []entry // the oldest first
		ids := map[string]key{}
		var differs time.Time
		find := func(k key) int { return slices.IndexFunc(naive, func(e entry) bool { return e.key == k }) }
		drop := func(i int) {
			if ids[naive[i].Block.ID] == naive[i].key {
				delete(ids, naive[i].Block.ID)
			}
			naive = slices.Delete(naive, i, i+1)
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "seconds")) * time.Second)
			k := numberedKey(rapid.IntRange(0, 12).Draw(t, "key"))
			state := rapid.SampledFrom([]State{StateBlocked, StateMissing}).Draw(t, "state")
			i := find(k)
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0, 1, 2:
				id := rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e"}).Draw(t, "id")
				a := Active{Block: policy.Block{ID: id}, State: state, Since: now, Until: now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "lasts")) * time.Second)}
				m.put(k, a)
				if i >= 0 {
					if old := naive[i].Block.ID; old != id && ids[old] == k {
						delete(ids, old)
					}
					naive[i].Active = a
				} else {
					naive = append(naive, entry{k, a})
				}
				if id != "" {
					ids[id] = k
				}
			case 3:
				m.remove(k)
				if i >= 0 {
					drop(i)
				}
			case 4:
				m.setState(k, state)
				if i >= 0 {
					naive[i].State = state
				}
			case 5:
				m.setAll(state)
				for i := range naive {
					naive[i].State = state
				}
			case 6:
				var want []Active
				for i := 0; i < len(naive); {
					if naive[i].over(now) {
						want = append(want, naive[i].Active)
						drop(i)
					} else {
						i++
					}
				}
				got := m.expire(now, nil)
				byEnd := func(a, b Active) int { return a.Until.Compare(b.Until) }
				if !slices.IsSortedFunc(got, byEnd) || len(got) != len(want) {
					t.Fatalf("%d ran out, want %d", len(got), len(want))
				}
			}
			missing, n := 0, len(naive)
			for k, a := range m.all() {
				n--
				if n < 0 || naive[n].key != k || naive[n].Active != a {
					t.Fatalf("entry %d is %+v", n, a)
				}
				if got, ok := m.get(k); !ok || got != a {
					t.Fatalf("found is %+v, not %+v", got, a)
				}
				if a.State == StateMissing {
					missing++
				}
			}
			if missing > 0 && differs.IsZero() {
				differs = now
			} else if missing == 0 {
				differs = time.Time{}
			}
			if n != 0 || m.len() != len(naive) || m.missing != missing || len(m.keys(StateMissing)) != missing || len(m.ends) != len(naive) || m.differs != differs {
				t.Fatalf("%d entries, %d missing since %v, %d ends; want %d, %d since %v", m.len(), m.missing, m.differs, len(m.ends), len(naive), missing, differs)
			}
			if len(m.ids) != len(ids) {
				t.Fatalf("ids %v, want %v", m.ids, ids)
			}
			for id, k := range ids {
				if m.places[m.ids[id]].key != k {
					t.Fatalf("id %s finds another block", id)
				}
			}
		}
	})
}

// someBlocks gives blocks of different tuples.
func someBlocks(n int) []policy.Block {
	blocks := make([]policy.Block, n)
	for i := range blocks {
		blocks[i] = policy.Block{ID: fmt.Sprintf("id-%d", i), Scope: policy.ScopeTuple, Duration: time.Hour, Label: "From-Botnet-TCP-HTTP-Zeus.CC-1",
			Tuple: argusfeed.Tuple{Src: argusfeed.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}),
				Dst: argusfeed.AddrFrom4([4]byte{192, 0, 2, 2}), Proto: argusfeed.ProtoTCP, Port: argusfeed.PortNumber(80)}}
	}
	return blocks
}
