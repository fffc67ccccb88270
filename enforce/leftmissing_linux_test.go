package enforce

import (
	"errors"
	"testing"
	"time"
)

// A renewal that is not even tried, because the kernel failed at those before it,
// is missing: the kernel has the block for less long than it is said to last.
func TestRenewalNotTried(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	apply(t, e, many(3, time.Minute)...)
	again := many(3, time.Hour)
	results := make([]Result, len(again))
	failure := errors.New("the kernel is gone")
	_ = e.applyChunk(again, results, e.op.Lock, failure)
	if s := e.Stats(); !errors.Is(results[2].Err, failure) || s.Missing != 3 {
		t.Errorf("%v, missing %d of 3", results[2].Err, s.Missing)
	}
	if r, err := e.Check(); err != nil || r.Restored != 3 || len(r.Late) != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	enforced(t, e, 3)
	left, err := e.kernel.find(e.wanted.keys(StateBlocked))
	if err != nil || min(left[0], left[1], left[2]) < 50*time.Minute {
		t.Errorf("%v left, %v", left, err)
	}
}

// What became missing where the table turned out to be right after all is looked
// for again, and not missing for ever.
func TestMissingWithoutCause(t *testing.T) {
	ns := newNS(t)
	e := open(t, ns)
	apply(t, e, many(100, time.Hour)...)
	e.mu.Lock()
	e.wanted.setAll(StateMissing) // as rebuild does, which then finds that somebody was faster
	e.mu.Unlock()
	if _, err := e.Check(); err != nil {
		t.Fatal(err)
	}
	enforced(t, e, 100)
}
