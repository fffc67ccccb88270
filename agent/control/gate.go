package control

import (
	"context"
	"sync"
)

// gate admits at most so many at once: in all, and of each user. Some places
// are for root alone, so that others cannot lock it out. It is safe for
// concurrent use.
type gate struct {
	max, perUser, forRoot int

	mu      sync.Mutex
	n       int // all
	others  int // all but root's
	users   map[uint32]int
	freed   chan struct{} // closed when a place becomes free
	refused uint64
}

// newGate makes a gate for most at once, perUser of one user other than root.
func newGate(most, perUser int) *gate {
	return &gate{max: most, perUser: perUser, forRoot: (most + 7) / 8, users: map[uint32]int{}, freed: make(chan struct{})}
}

// try takes a place where there is one.
func (g *gate) try(uid uint32) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	ok := g.take(uid)
	if !ok {
		g.refused++
	}
	return ok
}

// wait takes a place as soon as there is one; ok is false where ctx ended first.
func (g *gate) wait(ctx context.Context, uid uint32) (ok bool) {
	for {
		g.mu.Lock()
		if g.take(uid) {
			g.mu.Unlock()
			return true
		}
		freed := g.freed
		g.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			g.mu.Lock()
			g.refused++
			g.mu.Unlock()
			return false
		}
	}
}

func (g *gate) take(uid uint32) bool {
	if g.n >= g.max {
		return false
	}
	if uid != 0 {
		if g.users[uid] >= g.perUser || g.others >= g.max-g.forRoot {
			return false
		}
		g.others++
	}
	g.n++
	g.users[uid]++
	return true
}

// leave gives a place back.
func (g *gate) leave(uid uint32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if uid != 0 {
		g.others--
	}
	if g.users[uid]--; g.users[uid] == 0 {
		delete(g.users, uid)
	}
	close(g.freed)
	g.freed = make(chan struct{})
}

// counts gives how many are in, and how many were refused.
func (g *gate) counts() (in int, refused uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n, g.refused
}
