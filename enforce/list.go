package enforce

import (
	"iter"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/policy"
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
			list = append(list, e.told(*a))
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
				if !yield(e.told(a)) {
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
	p := m.after(at)
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
// out, whatever its state: the tuple's own, or else a wider one.
func (e *Enforcer) Lookup(t argusfeed.Tuple) (Active, bool) {
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if k, err := keyOf(t); err == nil {
		if a, ok := e.wanted.live(k, now); ok {
			return e.told(a), true
		}
	}
	if !e.wanted.anyWide() {
		return Active{}, false
	}
	for _, k := range covering(t, e.cfg.IPv6Prefix) {
		if a, ok := e.wanted.live(k, now); ok {
			return e.told(a), true
		}
	}
	return Active{}, false
}

// Covering gives the block in force that stops all that a block of t with that scope
// would stop, if there is one; of several the one that lasts the longest. One that is
// missing in the kernel stops nothing.
func (e *Enforcer) Covering(t argusfeed.Tuple, scope policy.Scope) (best Active, ok bool) {
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	keys := coveringAs(t, scope, e.cfg.IPv6Prefix)
	if !e.wanted.anyWide() {
		keys = keys[:min(len(keys), 1)]
	}
	for _, k := range keys {
		if a, live := e.wanted.live(k, now); live && a.State != StateMissing && (!ok || a.Until.After(best.Until)) {
			best, ok = a, true
		}
	}
	return e.told(best), ok
}

// Of gives the block of the tuple and with the scope of b, if there is one that has
// not run out, whatever its state.
func (e *Enforcer) Of(b policy.Block) (Active, bool) {
	k, err := keyFor(b, e.cfg.IPv6Prefix)
	if err != nil {
		return Active{}, false
	}
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	a, ok := e.wanted.live(k, now)
	return e.told(a), ok
}

// told is a block as others are told of it: in a dry-run that counts, what the
// kernel has is not blocked.
func (e *Enforcer) told(a Active) Active {
	if e.opt.DryRun {
		a.State = StateWouldBlock
	}
	return a
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
	return e.told(a), true
}

// Len is how many blocks have not run out, whatever their state.
func (e *Enforcer) Len() int {
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(now)
	return e.wanted.len()
}
