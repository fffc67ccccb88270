package enforce

import (
	"cmp"
	"container/heap"
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

	other bool // its verdict is not that of [enforce]
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
	// perSet counts them by set, others those with the other verdict, missing
	// those that the kernel does not have.
	perSet, others [setKinds]int
	missing        int
	// ends has the end of every entry, and ends of former times.
	ends endHeap
}

func newMirror() mirror { return mirror{entries: make(map[key]Active)} }

func (m *mirror) put(k key, a Active) {
	before, ok := m.entries[k]
	if ok {
		m.count(k, before, -1)
	}
	m.count(k, a, 1)
	m.entries[k] = a
	if ok && before.Until.Equal(a.Until) {
		return
	}
	if len(m.ends) > 2*len(m.entries)+1000 { // mostly ends of renewed blocks
		m.ends = m.ends[:0]
		for k, a := range m.entries {
			m.ends = append(m.ends, ending{a.Until, k})
		}
		heap.Init(&m.ends)
		return
	}
	heap.Push(&m.ends, ending{a.Until, k})
}

func (m *mirror) count(k key, a Active, n int) {
	m.perSet[k.set] += n
	if a.other {
		m.others[k.set] += n
	}
	if a.State == StateMissing {
		m.missing += n
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

func (m *mirror) remove(k key) {
	if a, ok := m.entries[k]; ok {
		m.count(k, a, -1)
		delete(m.entries, k)
	}
}

// live gives an entry unless it ran out.
func (m *mirror) live(k key, now time.Time) (Active, bool) {
	a, ok := m.entries[k]
	return a, ok && !a.over(now)
}

// expire removes what ran out and appends it to out. It costs nothing while
// nothing has.
func (m *mirror) expire(now time.Time, out []Active) []Active {
	for len(m.ends) > 0 {
		next := m.ends[0]
		if next.at.After(now.Add(early)) {
			break
		}
		heap.Pop(&m.ends)
		if a, ok := m.entries[next.key]; ok && a.over(now) {
			m.remove(next.key)
			out = append(out, a)
		}
	}
	return out
}

// ending is when a block runs out, or was to.
type ending struct {
	at  time.Time
	key key
}

// endHeap has the first end in front (container/heap).
type endHeap []ending

func (h endHeap) Len() int           { return len(h) }
func (h endHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h endHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *endHeap) Push(x any)        { *h = append(*h, x.(ending)) }
func (h *endHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// setState sets the state of every entry.
func (m *mirror) setState(s State) {
	for k, a := range m.entries {
		if a.State != s {
			a.State = s
			m.put(k, a)
		}
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

// sample gives a few keys of entries in a state.
func (m *mirror) sample(s State, n int) []key {
	var keys []key
	tries := 0
	for k, a := range m.entries { // in another order each time
		if tries++; len(keys) == n || tries > 10*n {
			break
		}
		if a.State == s {
			keys = append(keys, k)
		}
	}
	return keys
}

// elements gives the wanted elements that fit, the widest blocks first and the
// newest of equal ones, with the time that they have left.
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
	slices.SortFunc(list, func(a, b aged) int {
		return cmp.Or(cmp.Compare(b.key.set/2, a.key.set/2), b.since.Compare(a.since))
	})
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
	// other tells that its verdict is not that of [enforce], noOther that this was
	// so before and is not any more.
	other, noOther bool
	// renew tells that the kernel may have it already.
	renew bool
}

func elementOf(k key, a Active, now time.Time) element {
	return element{
		key:     k,
		timeout: max(a.Until.Sub(now), minTimeout),
		comment: commentOf(a.Block.ID, a.Block.Label),
		other:   a.other,
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
	verdict policy.Verdict
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
			ID: id, Tuple: s.key.tuple(), Scope: s.key.set.scope(), Verdict: s.verdict,
			Duration: max(s.timeout, s.expires), Label: label,
		},
		State: StateBlocked, Since: since, Until: now.Add(s.expires), other: s.verdict != "",
	}
}

// List gives the blocks that have not run out, the oldest first.
func (e *Enforcer) List() []Active {
	now := e.now()
	e.mu.Lock()
	list := make([]Active, 0, len(e.wanted.entries))
	for _, a := range e.wanted.entries {
		if !a.over(now) {
			list = append(list, e.told(a))
		}
	}
	e.mu.Unlock()
	slices.SortFunc(list, func(a, b Active) int { return a.Since.Compare(b.Since) })
	return list
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

// told is a block as others are told of it: in a dry-run that counts, what the
// kernel has is not blocked.
func (e *Enforcer) told(a Active) Active {
	if e.opt.DryRun {
		a.State = StateWouldBlock
	}
	return a
}

// Len is how many blocks have not run out, whatever their state.
func (e *Enforcer) Len() int {
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(now)
	return len(e.wanted.entries)
}
