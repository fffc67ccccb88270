package enforce

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

const (
	// chunkSize is how many elements one transaction holds: some milliseconds.
	chunkSize = 2000
	// rebuildSize is how many are put into a new table in the very transaction
	// that makes it, so that no packet passes in between; the rest follows in chunks.
	rebuildSize = 20_000
	// searchSize is how many elements one check looks for.
	searchSize = 2000
	// attempts is how often a transaction is tried while somebody else keeps
	// changing the ruleset, before it is no longer bound to what was compared.
	attempts = 8
	// slack is how much sooner than wanted an element may run out before it
	// counts as missing: the time of the transaction and the kernel's rounding.
	slack = 500 * time.Millisecond
)

// doubt is what remains to be looked for in the kernel after somebody else
// changed the ruleset, because no event tells which element was removed.
type doubt struct {
	keys  []key
	again bool // somebody wrote meanwhile
}

// ensure makes sure that our table stands as we made it. Whoever calls it, and
// everything below, holds op.
func (e *Enforcer) ensure() error {
	for n := 0; ; n++ {
		e.kernel.unbound = n >= attempts
		found, err := e.kernel.inspect()
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
		case found == tableTouched:
			e.doubt.again = true
			return nil
		}
		if err := e.rebuild(found); !errors.Is(err, errChanged) || n > attempts {
			return err
		}
	}
}

// rebuild makes the table, or makes it again, with the wanted blocks in it.
func (e *Enforcer) rebuild(found tableState) error {
	now := e.now()
	e.mu.Lock()
	e.wanted.setAll(StateMissing)
	elems := e.wanted.elements(now, func(Active) bool { return true })
	e.mu.Unlock()
	if len(elems) > rebuildSize {
		elems = elems[:rebuildSize]
	}
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
	e.confirm(elems, errs, time.Now())
	e.took(start)
	e.settle(elems, errs)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.behind = true
	if found != tableAbsent || e.built {
		e.stats.Rebuilds++
		e.since.Rebuilt = e.kernel.why
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

// confirm asks the kernel for the elements of a transaction that began at start.
func (e *Enforcer) confirm(elems []element, errs []error, start time.Time) {
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
func (e *Enforcer) take(keys []key, errs []error) {
	for len(keys) > 0 {
		n := min(len(keys), chunkSize)
		chunk := keys[:n]
		start := time.Now()
		err := e.transact(func() error { return e.kernel.del(chunk) })
		var left []time.Duration
		if err == nil {
			left, err = e.kernel.find(chunk)
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
		keys, errs = keys[n:], errs[n:]
	}
}

// search looks for a part of the blocks that are in doubt, and for all of them
// as soon as one is missing.
func (e *Enforcer) search() error {
	now := e.now()
	if len(e.doubt.keys) == 0 && e.doubt.again {
		e.mu.Lock()
		e.doubt = doubt{keys: e.wanted.keys(StateBlocked)}
		e.mu.Unlock()
	}
	for limit := searchSize; limit > 0 && len(e.doubt.keys) > 0; {
		n := min(len(e.doubt.keys), limit)
		chunk := e.doubt.keys[:n]
		e.doubt.keys = e.doubt.keys[n:]
		left, err := e.kernel.find(chunk)
		if err != nil {
			e.doubt.again = true
			return err
		}
		limit -= n
		e.mu.Lock()
		for i, k := range chunk {
			a, ok := e.wanted.get(k)
			wanted := a.Until.Sub(now)
			// One about to run out may be gone already: the kernel is a little early.
			if ok && wanted > slack/2 && !lasts(left[i], wanted) {
				e.wanted.setState(k, StateMissing)
				e.behind = true
				limit = len(e.doubt.keys)
			}
		}
		e.mu.Unlock()
	}
	return nil
}

// mend puts into the kernel what is wanted and missing, the newest first. It
// lets others at the kernel between chunks, so op must not be held.
func (e *Enforcer) mend() error {
	e.mu.Lock()
	var elems []element
	if e.kernel != nil && e.behind {
		elems = e.wanted.elements(e.now(), missing)
		e.behind = false
	}
	e.mu.Unlock()
	var failure error
	for len(elems) > 0 {
		n := min(len(elems), chunkSize)
		err := e.mendChunk(elems[:n])
		if err != nil && failure == nil {
			failure = err
		}
		if err != nil && !divisible(err) && !errors.Is(err, ErrUnconfirmed) {
			break // the others would fare no better
		}
		elems = elems[n:]
	}
	if failure != nil {
		e.mu.Lock()
		e.behind = true
		e.mu.Unlock()
	}
	return failure
}

func missing(a Active) bool { return a.State == StateMissing }

func (e *Enforcer) mendChunk(elems []element) error {
	e.op.Lock()
	defer e.op.Unlock()
	if e.closed {
		return ErrClosed
	}
	now := e.now()
	e.mu.Lock()
	chunk := make([]element, 0, len(elems))
	for i := range elems {
		// It may have been lifted, renewed or restored meanwhile.
		if a, ok := e.wanted.live(elems[i].key, now); ok && missing(a) {
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
