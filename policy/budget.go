package policy

import (
	"container/heap"
	"fmt"
	"math"
	"net/netip"
	"time"

	"slips-ips/argusfeed"
)

// Budget is the table [policy.budget]: how many blocks there may be. In each
// limit, 0 is none. MaxBlocks of Config, which has no such exception, is the
// limit of all.
type Budget struct {
	// PerMinute blocks may begin within a minute.
	PerMinute int `toml:"per_minute"`
	// PerSource blocks of one source (a /64 of IPv6) may be in force.
	PerSource int `toml:"per_source"`
	// PerDestination blocks of one destination network (/24, /64) may be in force.
	PerDestination int `toml:"per_destination"`
	// Reserve is the share of each limit, MaxBlocks among them, that is only for
	// what is grave: see grave.
	Reserve float64 `toml:"reserve"`
}

// MaxReserve leaves places to what is not grave.
const MaxReserve = 0.9

// DefaultBudget is [policy.budget] where slips.toml says nothing.
func DefaultBudget() Budget {
	return Budget{PerMinute: 600, PerSource: 250, PerDestination: 250, Reserve: 0.2}
}

func (b Budget) validate() (all []error) {
	add := func(key string, err error) {
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", key, err))
		}
	}
	add("per_minute", checkRange(b.PerMinute, 0, MaxMaxBlocks))
	add("per_source", checkRange(b.PerSource, 0, MaxMaxBlocks))
	add("per_destination", checkRange(b.PerDestination, 0, MaxMaxBlocks))
	if !(b.Reserve >= 0 && b.Reserve <= MaxReserve) { // so that NaN is refused
		add("reserve", fmt.Errorf("%v is not allowed; use 0 to %v", b.Reserve, MaxReserve))
	}
	return all
}

// allows tells how many of a limit are there for a decision.
func (b Budget) allows(limit int, grave bool) int {
	if grave {
		return limit
	}
	return int(math.Ceil(float64(limit) * (1 - b.Reserve)))
}

// longSince is how long ago the first match must be of what has been confirmed
// for long.
const longSince = time.Hour

// Spent is how much of the budget is spent that a tuple would need. It is a
// value.
type Spent struct {
	Minute, Source, Destination int
}

// spent looks for a limit that a new block would exceed; against says in words
// which, and ok that there is none.
func (e *Engine) spent(v View, grave bool) (cause Cause, against string, ok bool) {
	for _, l := range [...]struct {
		cause       Cause
		n, limit    int
		what, where string
	}{
		{CauseMaxBlocks, v.BlocksInForce, e.maxBlocks, "blocks are in force", "max_blocks"},
		{CausePerMinute, v.Spent.Minute, e.budget.PerMinute, "blocks began within a minute", "budget.per_minute"},
		{CausePerSource, v.Spent.Source, e.budget.PerSource, "blocks of that source are in force", "budget.per_source"},
		{CausePerDest, v.Spent.Destination, e.budget.PerDestination, "blocks of that destination's network are in force", "budget.per_destination"},
	} {
		if l.limit == 0 || l.n < e.budget.allows(l.limit, grave) {
			continue
		}
		if l.n < l.limit {
			return l.cause, fmt.Sprintf("%d %s, and the last %d of %d (%s) are for what is known, was blocked before or has matched for an hour (budget.reserve)",
				l.n, l.what, l.limit-e.budget.allows(l.limit, false), l.limit, l.where), false
		}
		return l.cause, fmt.Sprintf("%d %s and at most %d may be (%s)", l.n, l.what, l.limit, l.where), false
	}
	return "", "", true
}

// Ledger counts the blocks in force for the budget. It keeps at most
// Config.MaxBlocks of them, and as many beginnings of the last minute as
// Budget.PerMinute. It belongs to one goroutine.
type Ledger struct {
	max, perMinute int
	blocks         map[subject]*account
	ends           endings
	sources        map[netip.Prefix]int
	destinations   map[netip.Prefix]int
	began          []argusfeed.Time // in the last minute, the oldest first
}

type account struct {
	subject             subject
	source, destination netip.Prefix
	until               argusfeed.Time
	at                  int // in ends
}

// NewLedger makes an empty one. After a restart, Record what is in force.
func (e *Engine) NewLedger() *Ledger {
	return &Ledger{
		max: e.maxBlocks, perMinute: e.budget.PerMinute, blocks: make(map[subject]*account),
		sources: make(map[netip.Prefix]int), destinations: make(map[netip.Prefix]int),
	}
}

// AdoptLedger has a ledger of another engine keep what e asks for. The result is l
// itself. With fewer places, the blocks that end first are no longer counted.
func (e *Engine) AdoptLedger(l *Ledger) *Ledger {
	l.max, l.perMinute = e.maxBlocks, e.budget.PerMinute
	for len(l.blocks) > l.max {
		l.remove(l.ends[0])
	}
	if n := len(l.began) - l.perMinute; n > 0 {
		l.began = l.began[n:]
	}
	return l
}

// Record takes note of a block that began at a time. One of what is blocked
// already renews it.
func (l *Ledger) Record(b Block, at argusfeed.Time) {
	l.expire(at)
	key := subjectOf(b.Tuple, b.Scope)
	until := at.Add(b.Duration)
	if a, ok := l.blocks[key]; ok {
		a.until = max(a.until, until)
		heap.Fix(&l.ends, a.at)
		return
	}
	if len(l.blocks) >= l.max { // blocks by hand may be more
		l.remove(l.ends[0])
	}
	a := &account{subject: key, source: sourceOf(b.Tuple), destination: networkOf(b.Tuple), until: until}
	l.blocks[key] = a
	heap.Push(&l.ends, a)
	l.sources[a.source]++
	l.destinations[a.destination]++
	if l.perMinute == 0 {
		return
	}
	if len(l.began) >= l.perMinute {
		l.began = l.began[1:]
	}
	l.began = append(l.began, at)
}

// Lifted takes note of a block that ended before its time.
func (l *Ledger) Lifted(b Block) {
	if a, ok := l.blocks[subjectOf(b.Tuple, b.Scope)]; ok {
		l.remove(a)
	}
}

// Spent gives what a block of t would add to.
func (l *Ledger) Spent(t argusfeed.Tuple, now argusfeed.Time) Spent {
	l.expire(now)
	return Spent{Minute: len(l.began), Source: l.sources[sourceOf(t)], Destination: l.destinations[networkOf(t)]}
}

// Len is how many blocks are counted, as of the last question.
func (l *Ledger) Len() int { return len(l.blocks) }

func (l *Ledger) expire(now argusfeed.Time) {
	for len(l.ends) > 0 && l.ends[0].until <= now {
		l.remove(l.ends[0])
	}
	// A clock that was set back must not keep old beginnings forever.
	for len(l.began) > 0 && absSub(now, l.began[0]) >= time.Minute {
		l.began = l.began[1:]
	}
}

func (l *Ledger) remove(a *account) {
	heap.Remove(&l.ends, a.at)
	delete(l.blocks, a.subject)
	less(l.sources, a.source)
	less(l.destinations, a.destination)
}

func less(counts map[netip.Prefix]int, key netip.Prefix) {
	if counts[key]--; counts[key] <= 0 {
		delete(counts, key)
	}
}

// sourceOf is what counts as one source: who has an IPv6 address has its network.
func sourceOf(t argusfeed.Tuple) netip.Prefix { return networkAround(t.Src, 32) }

// networkOf is what counts as one destination network.
func networkOf(t argusfeed.Tuple) netip.Prefix { return networkAround(t.Dst, 24) }

func networkAround(a argusfeed.Addr, bits4 int) netip.Prefix {
	ip, ok := a.IP()
	if !ok {
		return netip.Prefix{}
	}
	bits := 64
	if ip = ip.Unmap(); ip.Is4() {
		bits = bits4
	}
	p, _ := ip.Prefix(bits) // an address has that many
	return p
}

// endings is a heap of accounts by their end.
type endings []*account

func (e endings) Len() int           { return len(e) }
func (e endings) Less(i, j int) bool { return e[i].until < e[j].until }
func (e endings) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].at, e[j].at = i, j
}

func (e *endings) Push(x any) {
	a := x.(*account)
	a.at = len(*e)
	*e = append(*e, a)
}

func (e *endings) Pop() any {
	old := *e
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*e = old[:len(old)-1]
	return a
}
