package enforce

import (
	"slices"
	"time"

	"slips-ips/argusfeed"
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
}

// early is how much sooner than Until a block counts as run out. The kernel
// counts in ticks and lets go up to one too soon (2 ms were measured at 250
// ticks a second; the slowest kernels have 100), and a block must not be said
// to be in force when it is not.
const early = 10 * time.Millisecond

func (a Active) over(now time.Time) bool { return !a.Until.After(now.Add(early)) }

// mirror is the wanted state. Its owner guards it.
type mirror struct {
	entries map[key]Active
	// next is not later than the first end of any entry, so that looking for
	// what ran out costs nothing while nothing can have.
	next time.Time
}

func newMirror() mirror { return mirror{entries: make(map[key]Active)} }

func (m *mirror) put(k key, a Active) {
	if len(m.entries) == 0 || a.Until.Before(m.next) {
		m.next = a.Until
	}
	m.entries[k] = a
}

// live gives an entry unless it ran out.
func (m *mirror) live(k key, now time.Time) (Active, bool) {
	a, ok := m.entries[k]
	return a, ok && !a.over(now)
}

// expire removes what ran out and appends it to out.
func (m *mirror) expire(now time.Time, out []Active) []Active {
	if len(m.entries) == 0 || m.next.After(now.Add(early)) {
		return out
	}
	first := true
	for k, a := range m.entries {
		switch {
		case a.over(now):
			delete(m.entries, k)
			out = append(out, a)
		case first || a.Until.Before(m.next):
			m.next, first = a.Until, false
		}
	}
	return out
}

// setState sets the state of every entry.
func (m *mirror) setState(s State) {
	for k, a := range m.entries {
		a.State = s
		m.entries[k] = a
	}
}

// keys gives the keys of the entries in a state.
func (m *mirror) keys(s State) []key {
	keys := make([]key, 0, len(m.entries))
	for k, a := range m.entries {
		if a.State == s {
			keys = append(keys, k)
		}
	}
	return keys
}

// elements gives the wanted elements that fit, the newest blocks first, with
// the time that they have left.
func (m *mirror) elements(now time.Time, fits func(Active) bool) []element {
	type aged struct {
		element
		since time.Time
	}
	var list []aged
	for k, a := range m.entries {
		if !a.over(now) && fits(a) {
			list = append(list, aged{elementOf(k, a, now), a.Since})
		}
	}
	slices.SortFunc(list, func(a, b aged) int { return b.since.Compare(a.since) })
	elems := make([]element, len(list))
	for i := range list {
		elems[i] = list[i].element
	}
	return elems
}

// element is a wanted block as the kernel gets it.
type element struct {
	key     key
	timeout time.Duration
	comment string
}

func elementOf(k key, a Active, now time.Time) element {
	return element{
		key:     k,
		timeout: max(a.Until.Sub(now), minTimeout),
		comment: commentOf(a.Block.ID, a.Block.Label),
	}
}

// minTimeout is for what is left of a block. An element whose timeout is below
// a millisecond would never expire.
const minTimeout = 10 * time.Millisecond

// clamp keeps the duration of a block within what policy may ask for.
func clamp(d time.Duration) time.Duration {
	return min(max(d, policy.MinDuration), policy.MaxDuration)
}

// stored is an element as the kernel shows it.
type stored struct {
	key     key
	timeout time.Duration // 0 for none
	expires time.Duration // what is left; 0 means never
	comment string
}

// active gives the block of an adopted element.
func (s stored) active(now time.Time) Active {
	id, label := parseComment(s.comment)
	since := now
	if s.timeout > s.expires {
		since = now.Add(s.expires - s.timeout)
	}
	return Active{
		Block: policy.Block{
			ID: id, Tuple: s.key.tuple(), Scope: policy.ScopeTuple,
			Duration: max(s.timeout, s.expires), Label: label,
		},
		State: StateBlocked, Since: since, Until: now.Add(s.expires),
	}
}

// List gives the blocks that have not run out, the oldest first.
func (e *Enforcer) List() []Active {
	now := e.now()
	e.mu.Lock()
	list := make([]Active, 0, len(e.wanted.entries))
	for _, a := range e.wanted.entries {
		if !a.over(now) {
			list = append(list, a)
		}
	}
	e.mu.Unlock()
	slices.SortFunc(list, func(a, b Active) int { return a.Since.Compare(b.Since) })
	return list
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

// Len is how many blocks have not run out, whatever their state.
func (e *Enforcer) Len() int {
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(now)
	return len(e.wanted.entries)
}
