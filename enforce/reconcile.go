package enforce

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"syscall"
	"time"
)

const (
	// chunkSize is how many elements one transaction holds: less than a
	// millisecond, for which a new block may have to wait.
	chunkSize = 80
	// firstSize is how many are put into a table in the very transaction that
	// makes it where there was none: the rest follows in chunks, so that new blocks
	// need not wait.
	firstSize = 1000
	// replaceSize is how many are put into one that replaces another: while that
	// stands, nothing passes.
	replaceSize = 200_000
	// searchSize is how many elements one check looks for, searchChunk how many of
	// them before others have their turn.
	searchSize  = 2000
	searchChunk = 50
	// sampleSize is how many elements of all are looked for in any case.
	sampleSize = 8
	// attempts is how often a transaction is tried while somebody else keeps
	// changing the ruleset, before it is no longer bound to what was compared.
	attempts = 8
	// slack is how much sooner than wanted an element may run out before it
	// counts as missing: the time of the transaction and the kernel's rounding.
	slack = 500 * time.Millisecond
)

// doubt is what remains to be looked for in the kernel after somebody else
// changed the ruleset.
type doubt struct {
	first []key // these are known to be touched
	keys  []key
	again bool // nobody knows what else was
}

// ensure makes sure that our table stands as we made it. Whoever calls it, and
// everything below, holds op.
func (e *Enforcer) ensure() error {
	k := e.kernel
	for n := 0; ; n++ {
		k.unbound = n >= attempts
		found, err := k.inspect()
		switch {
		case errors.Is(err, ErrForeignTable):
			e.mu.Lock()
			e.wanted.setAll(StateMissing)
			e.mu.Unlock()
			return err
		case err != nil:
			return err
		case found == tableIntact:
			return nil
		}
		if !k.listening() {
			e.doubt.again = true
		}
		why := k.why
		switch found {
		case tableTouched:
			return nil
		case tableOrphan:
			err = k.claim()
		case tableGuards:
			err = k.setGuards()
		case tableChains:
			if err = k.mendChains(k.present); err != nil && !errors.Is(err, errChanged) {
				err = e.rebuild(tableDamaged) // a chain in it that we do not know how to remove
				why = ""
			}
		default:
			err = e.rebuild(found)
			why = ""
		}
		if err == nil && why != "" {
			e.mu.Lock()
			e.rebuilt(why)
			e.mu.Unlock()
		}
		if (found == tableOrphan || found == tableGuards) && err == nil {
			continue // there may be more to mend
		}
		if !errors.Is(err, errChanged) || n > attempts {
			return err
		}
	}
}

// rebuilt notes that the table had to be mended. Whoever calls it holds mu.
func (e *Enforcer) rebuilt(why string) {
	e.stats.Rebuilds++
	e.since.Rebuilt = why
}

// rebuild makes the table, or makes it again, with the wanted blocks in it.
func (e *Enforcer) rebuild(found tableState) error {
	now := e.now()
	e.mu.Lock()
	e.wanted.setAll(StateMissing)
	limit := firstSize
	if found != tableAbsent {
		limit = replaceSize
	}
	elems := e.wanted.missingElements(limit, now)
	e.mu.Unlock()
	start := time.Now()
	err := e.kernel.rebuild(found, elems)
	if err != nil && len(elems) > 0 && divisible(err) {
		elems = nil // mend finds out which of them it was
		err = e.kernel.rebuild(found, nil)
	}
	if err != nil {
		e.took(start)
		return err
	}
	e.doubt = doubt{}
	errs := make([]error, len(elems))
	e.confirm(elems, errs, start)
	e.took(start)
	e.settle(elems, errs)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.behind = true
	if found != tableAbsent || e.built {
		e.rebuilt(e.kernel.why)
		e.restored(errs)
	}
	e.built = true
	return nil
}

// restored counts what was put back. Whoever calls it holds mu.
func (e *Enforcer) restored(errs []error) {
	for _, err := range errs {
		if err == nil {
			e.since.Restored++
			e.stats.Restored++
		}
	}
}

// transact runs one transaction against a table that was made sure of. The
// transaction is bound to the generation of the ruleset that was compared, and
// is tried again where somebody else was faster.
func (e *Enforcer) transact(f func() error) error {
	for range attempts {
		if err := e.ensure(); err != nil {
			return err
		}
		e.kernel.unbound = false
		if err := f(); !errors.Is(err, errChanged) {
			return err
		}
	}
	e.kernel.unbound = true
	if err := f(); err != nil {
		return err
	}
	return e.ensure()
}

// put puts elements into the kernel, or renews them, and fills in an error for
// each that is not confirmed to be there.
func (e *Enforcer) put(elems []element, errs []error) {
	for len(elems) > 0 {
		n := min(len(elems), chunkSize)
		e.putChunk(elems[:n], errs[:n])
		elems, errs = elems[n:], errs[n:]
	}
}

func (e *Enforcer) putChunk(elems []element, errs []error) {
	start := time.Now()
	err := e.transact(func() error { return e.kernel.add(elems) })
	if errors.Is(err, errPresent) {
		// The kernel has one that we did not know of, or it runs out this moment.
		for i := range elems {
			elems[i].renew = true
		}
		err = e.transact(func() error { return e.kernel.add(elems) })
	}
	if err == nil {
		e.confirm(elems, errs, start)
	}
	e.took(start)
	switch {
	case err == nil:
	case len(elems) > 1 && divisible(err):
		// One bad element undoes the whole transaction: find it.
		n := len(elems) / 2
		e.putChunk(elems[:n], errs[:n])
		e.putChunk(elems[n:], errs[n:])
		return
	default:
		for i := range errs {
			errs[i] = err
		}
	}
	e.settle(elems, errs)
}

// divisible tells whether smaller transactions may succeed where one failed.
func divisible(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && !errors.Is(err, syscall.EPERM) && !errors.Is(err, errChanged)
}

// confirm makes sure that the kernel has the elements of a transaction that
// began at start.
//
// The kernel acknowledged it, and where proven says so the ruleset is the very
// one that it made, so all of them are there: a transaction is done as a whole.
// Some are asked for in any case, in case it was not the one that we meant.
// Elsewhere all are.
func (e *Enforcer) confirm(elems []element, errs []error, start time.Time) {
	if len(elems) == 0 {
		return
	}
	if e.kernel.proven() && e.confirmed(sample(elems), start) {
		return
	}
	keys := make([]key, len(elems))
	for i := range elems {
		keys[i] = elems[i].key
	}
	left, err := e.kernel.find(keys)
	for i := range elems {
		switch {
		case err != nil:
			errs[i] = fmt.Errorf("%w: %w", ErrUnconfirmed, err)
		case !lasts(left[i], elems[i].timeout-time.Since(start)):
			errs[i] = ErrUnconfirmed
		}
	}
}

// confirmed asks for elements and tells whether all are there.
func (e *Enforcer) confirmed(elems []element, start time.Time) bool {
	keys := make([]key, len(elems))
	for i := range elems {
		keys[i] = elems[i].key
	}
	left, err := e.kernel.find(keys)
	for i := range left {
		if !lasts(left[i], elems[i].timeout-time.Since(start)) {
			return false
		}
	}
	return err == nil
}

// sample gives the first and the last of elems: whatever is lost of a
// transaction is lost from there.
func sample(elems []element) []element {
	if len(elems) <= 2 {
		return elems
	}
	return []element{elems[0], elems[len(elems)-1]}
}

// lasts tells whether an element with so much time left is what is wanted.
func lasts(left, wanted time.Duration) bool { return left > 0 && left > wanted-slack }

// settle writes down what the kernel has.
func (e *Enforcer) settle(elems []element, errs []error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range elems {
		state := StateBlocked
		if errs[i] != nil {
			state = StateMissing
		}
		e.wanted.setState(elems[i].key, state)
	}
}

// take removes elements from the kernel, and fills in an error for each that is
// not confirmed to be gone.
func (e *Enforcer) take(elems []element, errs []error) {
	for len(elems) > 0 {
		n := min(len(elems), chunkSize)
		chunk := elems[:n]
		start := time.Now()
		err := e.transact(func() error { return e.kernel.del(chunk) })
		left := make([]time.Duration, n)
		if err == nil && !e.kernel.proven() {
			keys := make([]key, n)
			for i := range chunk {
				keys[i] = chunk[i].key
			}
			left, err = e.kernel.find(keys)
		}
		e.took(start)
		for i := range chunk {
			switch {
			case err != nil:
				errs[i] = err
			case left[i] != 0:
				errs[i] = errors.New("the kernel still has it")
			}
		}
		elems, errs = elems[n:], errs[n:]
	}
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
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, k := range chunk {
		a, ok := e.wanted.get(k)
		wanted := a.Until.Sub(now)
		// One about to run out may be gone already: the kernel is a little early.
		if ok && a.State == StateBlocked && wanted > slack/2 && !lasts(left[i], wanted) {
			e.wanted.setState(k, StateMissing)
			e.behind, lost = true, true
			if first && len(e.doubt.first) == 0 && len(e.doubt.keys) == 0 {
				e.doubt.again = true // where one went unnoticed, others may have
			}
		}
	}
	return len(e.doubt.first)+len(e.doubt.keys) > 0, lost, nil
}

// mend puts into the kernel what is wanted and missing, the wide ones and the
// newest first. It lets others at the kernel and at the wanted state between
// chunks, so op must not be held.
func (e *Enforcer) mend() error {
	e.mu.Lock()
	behind := e.kernel != nil && e.behind
	e.behind = false
	wide := e.wanted.anyWide()
	e.mu.Unlock()
	if !behind {
		return nil
	}
	var failure error
	if wide {
		failure = e.mendAll(true)
	}
	if hopeful(failure) {
		if err := e.mendAll(false); failure == nil {
			failure = err
		}
	}
	if failure != nil {
		e.mu.Lock()
		e.behind = true
		e.mu.Unlock()
	}
	return failure
}

// mendAll mends all missing blocks of wide scopes, or all tuples, and gives the
// first error. It ends where the rest would fare no better.
func (e *Enforcer) mendAll(wide bool) (failure error) {
	var at pageEnd
	for more := true; more; {
		now := e.now()
		e.mu.Lock()
		var elems []element
		elems, at, more = e.wanted.walk(nil, at, wide, chunkSize, now)
		e.mu.Unlock()
		if len(elems) == 0 {
			continue
		}
		err := e.mendChunk(elems)
		if failure == nil {
			failure = err
		}
		if !hopeful(err) {
			return failure
		}
	}
	return failure
}

// hopeful tells whether others may succeed where err was met.
func hopeful(err error) bool {
	return err == nil || divisible(err) || errors.Is(err, ErrUnconfirmed)
}

func (e *Enforcer) mendChunk(elems []element) error {
	e.op.LockPatiently()
	defer e.op.Unlock()
	if e.isClosed() {
		return ErrClosed
	}
	now := e.now()
	e.mu.Lock()
	chunk := make([]element, 0, len(elems))
	for i := range elems {
		// It may have been lifted, renewed or restored meanwhile.
		if a, ok := e.wanted.live(elems[i].key, now); ok && a.State == StateMissing {
			chunk = append(chunk, elementOf(elems[i].key, a, now))
		}
	}
	e.mu.Unlock()
	errs := make([]error, len(chunk))
	e.put(chunk, errs)
	e.mu.Lock()
	e.restored(errs)
	e.mu.Unlock()
	for _, err := range errs {
		if err != nil {
			return fmt.Errorf("restoring blocks: %w", err)
		}
	}
	return nil
}
