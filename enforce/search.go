package enforce

import (
	"bytes"
	"cmp"
	"errors"
	"math"
	"slices"
	"time"
)

// doubt is what remains to be looked for in the kernel after somebody else
// changed the ruleset.
type doubt struct {
	first []key // these are known to be touched
	keys  []key
	again bool // nobody knows what else was
	whole bool // so much may have been that one check looks at all
}

// search looks for blocks that are in doubt, for a few others, and for all of
// them as soon as one is missing. op must not be held: others have their turn in
// between.
func (e *Enforcer) search() error {
	for limit := searchSize; limit > 0; limit -= searchChunk {
		e.op.LockPatiently()
		more, lost, err := e.searchSome(limit == searchSize)
		e.op.Unlock()
		if err != nil || !more {
			return err
		}
		if lost {
			limit = math.MaxInt
		}
	}
	return nil
}

// searchSome looks for some of the blocks in doubt. first is the first time of a
// check, at which a sample of all is looked for too.
func (e *Enforcer) searchSome(first bool) (more, lost bool, err error) {
	if e.isClosed() {
		return false, false, ErrClosed
	}
	var chunk []key
	if first {
		lost, e.doubt.whole = e.doubt.whole, false
		e.mu.Lock()
		chunk = e.wanted.sample(StateBlocked, sampleSize)
		if e.doubt.again && len(e.doubt.keys) == 0 {
			e.doubt.keys, e.doubt.again = e.wanted.keys(StateBlocked), false
		}
		e.mu.Unlock()
	}
	for _, list := range []*[]key{&e.doubt.first, &e.doubt.keys} {
		n := min(len(*list), searchChunk-len(chunk))
		chunk = append(chunk, (*list)[:n]...)
		*list = (*list)[n:]
	}
	slices.SortFunc(chunk, func(a, b key) int { return cmp.Or(cmp.Compare(a.set, b.set), bytes.Compare(a.buf[:], b.buf[:])) })
	chunk = slices.Compact(chunk)
	left, err := e.kernel.find(chunk)
	if err != nil {
		e.doubt.again = true
		return false, false, err
	}
	if err := e.removeStrange(chunk, left); err != nil {
		e.doubt.again = true
		return false, false, err
	}
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, k := range chunk {
		a, ok := e.wanted.get(k)
		wanted := a.Until.Sub(now)
		// One about to run out may be gone already: the kernel is a little early.
		if ok && a.State == StateBlocked && wanted > slack/2 && (!lasts(left[i], wanted) || left[i]-excess > wanted) {
			e.wanted.setState(k, StateMissing) // which puts it back with the right time
			e.behind, lost = true, true
			if first && len(e.doubt.first) == 0 && len(e.doubt.keys) == 0 {
				e.doubt.again = true // where one went unnoticed, others may have
			}
		}
	}
	return len(e.doubt.first)+len(e.doubt.keys) > 0, lost, nil
}

// removeStrange takes out of the kernel what of keys it has, by left, and nobody
// wants: somebody else put it there, and the packets that it stops would be
// stopped by a block that nothing tells of.
func (e *Enforcer) removeStrange(keys []key, left []time.Duration) error {
	var strange []element
	e.mu.Lock()
	for i, k := range keys {
		if _, wanted := e.wanted.get(k); !wanted && left[i] > 0 {
			strange = append(strange, element{key: k, timeout: time.Second, other: true})
		}
	}
	e.mu.Unlock()
	if len(strange) == 0 {
		return nil
	}
	errs := make([]error, len(strange))
	e.take(strange, errs)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, err := range errs {
		if err == nil {
			e.since.Removed++
		}
	}
	return errors.Join(errs...)
}
