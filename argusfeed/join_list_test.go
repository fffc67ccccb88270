package argusfeed

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

// A list gives what a slice gives, in the same order, through holes, growth and
// closing up; and what is ahead is given once.
func TestConnListsLikeSlices(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	j := testJoiner(Joining{})
	var all []*conn
	for range 300 {
		all = append(all, j.pool.newConn())
	}
	var model [numLists][]*conn
	leave := func(c *conn) {
		for l := range model {
			model[l] = slices.DeleteFunc(model[l], func(x *conn) bool { return x == c })
		}
	}
	longest := 0
	for step := range 100_000 {
		c := all[rnd.IntN(1+rnd.IntN(len(all)))]
		leave(c)
		if rnd.IntN(3) == 0 {
			j.leave(c)
		} else {
			l := inOver + listID(rnd.IntN(int(numLists-inOver)))
			due := Time(rnd.IntN(100))
			model[l] = append(model[l], c)
			j.hold(c, l, due)
			if c.due != due {
				t.Fatalf("step %d: due %d, want %d", step, c.due, due)
			}
		}
		for l := inOver; l < numLists; l++ {
			var want, second *conn
			if len(model[l]) > 0 {
				want = model[l][0]
			}
			if len(model[l]) > 1 {
				second = model[l][1]
			}
			if got := j.front(l, nil); got != want {
				t.Fatalf("step %d: %v is in front of list %d, want %v", step, got, l, want)
			}
			if got := j.front(l, want); want != nil && got != second {
				t.Fatalf("step %d: %v is second in list %d, want %v", step, got, l, second)
			}
			past := Time(rnd.IntN(100))
			if want != nil && want.due > past {
				want = nil
			}
			if got := j.due(l, past); got != want {
				t.Fatalf("step %d: %v is due in list %d, want %v", step, got, l, want)
			}
			for _, id := range j.lists[l].ahead(8) {
				if id != 0 && j.pool.conn(id).list != l {
					t.Fatalf("step %d: %d is not in list %d", step, id, l)
				}
			}
			longest = max(longest, len(j.lists[l].ring))
		}
	}
	if longest > 4*len(all) {
		t.Errorf("a list of %d places for %d connections", longest, len(all))
	}
}

// What is held begins with a line of the cache, each.
func TestJoiningMemory(t *testing.T) {
	const line = 64
	if n := unsafe.Sizeof(conn{}); n != 2*line {
		t.Errorf("a connection takes %d bytes", n)
	}
	if n := unsafe.Offsetof(conn{}.hash); n != line {
		t.Errorf("the key of a connection takes %d bytes", n)
	}
	if n := unsafe.Sizeof(heldFlow{}); n != 4*line {
		t.Errorf("a held flow takes %d bytes", n)
	}
}
