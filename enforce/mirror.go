package enforce

import (
	"iter"
	"math/rand/v2"
	"time"

	"slips-ips/policy"
)

// State is what is known of a wanted block.
type State string

// The states.
const (
	StateBlocked    State = "blocked"     // the kernel confirmed it
	StateMissing    State = "missing"     // the kernel does not have it, or not yet
	StateWouldBlock State = "would-block" // dry-run
)

// Active is a wanted block that has not run out. It is a value.
type Active struct {
	Block policy.Block
	State State
	// Since is when it was first blocked, Until when it runs out. Both are on
	// the enforcer's clock and, where that is time.Now, keep their monotonic
	// reading: compare them with time.Now by Sub.
	Since, Until time.Time

	other  bool // its verdict is not that of [enforce]
	failed bool // Apply said that it is not in force, and it is not yet
}

// early is how much sooner than Until a block counts as run out. The kernel
// counts in ticks and lets go up to one too soon (2 ms were measured at 250
// ticks a second; the slowest kernels have 100), and a block must not be said
// to be in force when it is not.
const early = 10 * time.Millisecond

func (a Active) over(now time.Time) bool { return !a.Until.After(now.Add(early)) }

// mirror is the wanted state: a place for each block, found by its key and by the
// id of its decision, in the order in which blocks began and in that in which they
// end. Its owner guards it.
type mirror struct {
	now   func() time.Time
	index map[key]place
	// ids finds the place of a block by its id. Ids come from outside, so two
	// blocks may have one: the later is found.
	ids    map[string]place
	places []wanted
	free   []place
	// newest and oldest are the ends of the list by beginning.
	newest, oldest place
	ends           ends
	number         uint64
	// missing counts the blocks in StateMissing; differs is since when there are
	// some.
	missing int
	differs time.Time
	// perSet counts them by set, others those of another verdict than [enforce]'s.
	perSet, others [setKinds]int
	forced         int // blocks on which a person insisted
}

// place is the number of a block's place; nowhere is none.
type place int32

const nowhere place = -1

// wanted is a place.
type wanted struct {
	key    key
	active Active
	// number grows with every block; 0: the place is free.
	number       uint64
	newer, older place
	end          int32 // its place in ends
}

func newMirror(now func() time.Time) mirror {
	return mirror{now: now, index: make(map[key]place), ids: make(map[string]place), newest: nowhere, oldest: nowhere}
}

// clear forgets all blocks. Numbers go on, so that whoever stands at a place of
// before sees that it is over.
func (m *mirror) clear() {
	fresh := newMirror(m.now)
	fresh.number = m.number
	*m = fresh
}

func (m *mirror) len() int { return len(m.index) }

func (m *mirror) get(k key) (Active, bool) {
	p, ok := m.index[k]
	if !ok {
		return Active{}, false
	}
	return m.places[p].active, true
}

// live gives an entry unless it ran out.
func (m *mirror) live(k key, now time.Time) (Active, bool) {
	a, ok := m.get(k)
	return a, ok && !a.over(now)
}

// put adds a block, as the newest one, or replaces that of its key in its place.
func (m *mirror) put(k key, a Active) {
	p, known := m.index[k]
	if !known {
		if n := len(m.free); n > 0 {
			p, m.free = m.free[n-1], m.free[:n-1]
		} else {
			p = place(len(m.places))
			m.places = append(m.places, wanted{})
		}
		m.number++
		m.places[p] = wanted{key: k, number: m.number, newer: nowhere, older: m.newest}
		if m.newest == nowhere {
			m.oldest = p
		} else {
			m.places[m.newest].newer = p
		}
		m.newest = p
		m.index[k] = p
		m.perSet[k.set]++
	}
	w := &m.places[p]
	before := w.active
	m.countOther(k, before, -1)
	m.countOther(k, a, 1)
	w.active = a
	if before.Block.ID != a.Block.ID {
		m.unname(before.Block.ID, p)
	}
	if a.Block.ID != "" {
		m.ids[a.Block.ID] = p
	}
	if known {
		m.ends.fix(m.places, w.end)
	} else {
		m.ends.add(m.places, p)
	}
	m.count(before.State, a.State)
}

func (m *mirror) unname(id string, p place) {
	if q, ok := m.ids[id]; ok && q == p {
		delete(m.ids, id)
	}
}

func (m *mirror) remove(k key) {
	p, ok := m.index[k]
	if !ok {
		return
	}
	w := &m.places[p]
	if w.newer == nowhere {
		m.newest = w.older
	} else {
		m.places[w.newer].older = w.older
	}
	if w.older == nowhere {
		m.oldest = w.newer
	} else {
		m.places[w.older].newer = w.newer
	}
	m.perSet[k.set]--
	m.countOther(k, w.active, -1)
	m.ends.remove(m.places, w.end)
	m.unname(w.active.Block.ID, p)
	delete(m.index, k)
	m.count(w.active.State, "")
	*w = wanted{}
	m.free = append(m.free, p)
}

// count keeps the number of missing blocks.
func (m *mirror) count(before, after State) {
	had := m.missing > 0
	if before == StateMissing {
		m.missing--
	}
	if after == StateMissing {
		m.missing++
	}
	switch has := m.missing > 0; {
	case has && !had:
		m.differs = m.now()
	case !has:
		m.differs = time.Time{}
	}
}

func (m *mirror) countOther(k key, a Active, n int) {
	if a.other {
		m.others[k.set] += n
	}
	if a.Block.Forced {
		m.forced += n
	}
}

// full tells whether another element does not fit where only so many do.
func (m *mirror) full(k key, other bool) bool {
	return k.set.wide() && m.perSet[k.set] >= MaxWide || other && m.others[k.set] >= MaxWide
}

func (m *mirror) anyWide() bool {
	for kind := range setKind(setKinds) {
		if kind.wide() && m.perSet[kind] > 0 {
			return true
		}
	}
	return false
}

// sample gives a few keys of entries in a state, others each time.
func (m *mirror) sample(s State, n int) []key {
	var keys []key
	for range 2 * n {
		if len(m.places) == 0 || len(keys) == n {
			break
		}
		if w := &m.places[rand.IntN(len(m.places))]; w.number != 0 && w.active.State == s {
			keys = append(keys, w.key)
		}
	}
	return keys
}

// expire removes what ran out and appends it to out.
func (m *mirror) expire(now time.Time, out []Active) []Active {
	for len(m.ends) > 0 {
		w := &m.places[m.ends[0]]
		if !w.active.over(now) {
			break
		}
		out = append(out, w.active)
		m.remove(w.key)
	}
	return out
}

// setState sets the state of an entry, if there is one, and gives that of before.
func (m *mirror) setState(k key, s State) (before State) {
	if p, ok := m.index[k]; ok {
		w := &m.places[p]
		before = w.active.State
		w.active.State = s
		m.count(before, s)
	}
	return before
}

// fail notes that Apply tells that an entry is not in force.
func (m *mirror) fail(k key) {
	if p, ok := m.index[k]; ok {
		m.places[p].active.failed = true
	}
}

// late ends the failure of an entry that is in force now. It tells whether there
// was one.
func (m *mirror) late(k key) (Active, bool) {
	p, ok := m.index[k]
	if !ok || !m.places[p].active.failed {
		return Active{}, false
	}
	m.places[p].active.failed = false
	return m.places[p].active, true
}

// setAll sets the state of every entry.
func (m *mirror) setAll(s State) {
	for p := range m.places {
		if w := &m.places[p]; w.number != 0 {
			before := w.active.State
			w.active.State = s
			m.count(before, s)
		}
	}
}

// all gives the entries, the newest first.
func (m *mirror) all() iter.Seq2[key, Active] {
	return func(yield func(key, Active) bool) {
		for p := m.newest; p != nowhere; p = m.places[p].older {
			if w := &m.places[p]; !yield(w.key, w.active) {
				return
			}
		}
	}
}

// keys gives the keys of the entries in a state.
func (m *mirror) keys(s State) []key {
	keys := make([]key, 0, m.len())
	for k, a := range m.all() {
		if a.State == s {
			keys = append(keys, k)
		}
	}
	return keys
}
