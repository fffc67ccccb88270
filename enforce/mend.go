package enforce

import (
	"errors"
	"fmt"
)

// mend puts into the kernel what is wanted and missing, the wide ones and the
// newest first. It lets others at the kernel and at the wanted state between
// chunks, so op must not be held.
func (e *Enforcer) mend() error {
	e.mu.Lock()
	// What is missing is, whatever made it so: nothing else looks for it.
	behind := e.kernel != nil && (e.behind || e.wanted.missing > 0)
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
	var (
		at    pageEnd
		keys  = make([]key, 0, mendSize)
		elems = make([]element, mendSize) // for every chunk: what is thrown away makes others wait
	)
	for more := true; more; {
		now := e.now()
		e.mu.Lock()
		keys, at, more = e.wanted.walk(keys[:0], at, wide, mendSize, now)
		e.mu.Unlock()
		if len(keys) == 0 {
			continue
		}
		err := e.mendChunk(keys, elems[:0])
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

// mendChunk puts into the kernel what of keys is missing. It uses the room of chunk.
func (e *Enforcer) mendChunk(keys []key, chunk []element) error {
	e.op.LockPatiently()
	defer e.op.Unlock()
	if e.isClosed() {
		return ErrClosed
	}
	now := e.now()
	e.mu.Lock()
	chunk = e.wanted.elements(chunk, keys, now) // some may have been lifted, renewed or restored meanwhile
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
