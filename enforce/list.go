package enforce

import (
	"iter"
	"time"

	"slips-ips/argusfeed"
)

// List gives the blocks that have not run out, the oldest first, as they are at
// one moment. Everybody else waits meanwhile, some 10 ms at 100,000 blocks: what
// lists on request should use Newest.
func (e *Enforcer) List() []Active {
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	list := make([]Active, 0, e.wanted.len())
	for p := e.wanted.oldest; p != nowhere; p = e.wanted.places[p].newer {
		if a := &e.wanted.places[p].active; !a.over(now) {
			list = append(list, *a)
		}
	}
	return list
}

// Newest gives the blocks that have not run out, the newest first: in the order
// in which they were first blocked, whatever renewed them. The enforcer is free
// for others meanwhile: one that is in force from beginning to end is given once,
// one that begins later is not. The loop may call the enforcer.
func (e *Enforcer) Newest() iter.Seq[Active] {
	return func(yield func(Active) bool) {
		var at pageEnd
		page := make([]Active, 0, min(pageSize, e.Len()))
		for more := true; more; {
			now := e.now()
			e.mu.Lock()
			page, at, more = e.wanted.page(page[:0], at, now)
			e.mu.Unlock()
			for _, a := range page {
				if !yield(a) {
					return
				}
			}
		}
	}
}

// pageSize is how many blocks are copied at a time: some tens of microseconds.
const pageSize = 500

// pageEnd is the last entry of a page; its zero value is none.
type pageEnd struct {
	place  place
	number uint64
}

// page appends the entries that follow, the newest first.
func (m *mirror) page(out []Active, at pageEnd, now time.Time) (_ []Active, _ pageEnd, more bool) {
	p := m.newest
	switch {
	case at.number == 0:
	case m.places[at.place].number == at.number:
		p = m.places[at.place].older
	default: // it ended meanwhile
		for p != nowhere && m.places[p].number >= at.number {
			p = m.places[p].older
		}
	}
	for n := 0; p != nowhere; p = m.places[p].older {
		if n++; n > pageSize {
			return out, at, true
		}
		w := &m.places[p]
		at = pageEnd{p, w.number}
		if !w.active.over(now) {
			out = append(out, w.active)
		}
	}
	return out, at, false
}

// Lookup gives the block that covers a tuple, if there is one that has not run
// out, whatever its state.
func (e *Enforcer) Lookup(t argusfeed.Tuple) (Active, bool) {
	k, err := keyOf(t)
	if err != nil {
		return Active{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.wanted.live(k, e.now())
}

// Find gives the block with an id, if there is one that has not run out. A
// renewal gives a block its own id: that of the decision before finds nothing.
// It takes the same time however many blocks there are.
func (e *Enforcer) Find(id string) (Active, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	p, ok := e.wanted.ids[id]
	if !ok {
		return Active{}, false
	}
	a := e.wanted.places[p].active
	if a.over(e.now()) {
		return Active{}, false
	}
	return a, true
}

// Len is how many blocks have not run out, whatever their state.
func (e *Enforcer) Len() int {
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(now)
	return e.wanted.len()
}
