package enforce

import (
	"errors"
	"syscall"
	"time"
)

const (
	// chunkSize is how many elements one transaction holds: less than a
	// millisecond, for which a new block may have to wait.
	chunkSize = 80
	// mendSize is how many elements are restored before a new block has its turn:
	// a quarter of a millisecond.
	mendSize = 40
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
	// excess is how much later than wanted one may run out: a transaction with very
	// many may take seconds.
	excess = 10 * time.Second
)

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
		if found == tableChains && k.growing {
			k.growing, why = err != nil, "" // it is we who changed
		}
		if err == nil && why != "" {
			e.mu.Lock()
			e.rebuilt(why)
			e.mu.Unlock()
		}
		if found != tableAbsent && found != tableDamaged && err == nil && n < attempts {
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
	e.kernel.need(elems)
	e.kernel.growing = false
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
	e.kernel.need(elems)
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

// settle writes down what the kernel has.
func (e *Enforcer) settle(elems []element, errs []error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var begun []key
	defer func() { e.forget.enqueue(begun) }()
	for i := range elems {
		state := StateBlocked
		if errs[i] != nil {
			state = StateMissing
		}
		before := e.wanted.setState(elems[i].key, state)
		if state != StateBlocked {
			continue
		}
		// One that was lost too: what passed meanwhile may be offloaded.
		if before == StateMissing && e.forget != nil {
			begun = append(begun, elems[i].key)
		}
		if a, late := e.wanted.late(elems[i].key); late && len(e.since.Late) < e.cfg.MaxBlocks {
			e.since.Late = append(e.since.Late, a)
		}
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
