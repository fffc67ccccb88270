package enforce

import (
	"fmt"
	"time"
)

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
