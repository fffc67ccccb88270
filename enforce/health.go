package enforce

import (
	"errors"
	"time"
)

// Health tells whether what is wanted is in force. It is a value.
type Health struct {
	// Enforced is how many blocks the kernel has confirmed; 0 in dry-run.
	Enforced int
	// Checked is when wanted and enforced were compared last, with success: every
	// check_every by Watch. In dry-run there is nothing to compare, and it is when
	// Check ran.
	Checked time.Time
	// Differs is since when the kernel lacks a block; zero where it lacks none.
	Differs time.Time
	// Err is why the newest transaction or check failed, Failed since when they
	// do. A check that succeeds and leaves nothing missing ends that: nil, zero.
	Err    error
	Failed time.Time
}

// Health tells how it is at this moment. It costs nothing, however many blocks
// there are.
func (e *Enforcer) Health() Health {
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.expire(now)
	h := e.health
	h.Differs = e.wanted.differs
	if e.kernel != nil {
		h.Enforced = e.wanted.len() - e.wanted.missing
	}
	return h
}

// failing notes that the kernel is not as it should be. Whoever calls it holds mu.
func (e *Enforcer) failing(err error) {
	if err == nil || errors.Is(err, ErrClosed) {
		return
	}
	if e.health.Err == nil {
		e.health.Failed = e.now()
	}
	e.health.Err = err
}

// checked notes the result of a check. Whoever calls it holds mu.
func (e *Enforcer) checked(now time.Time, err error) {
	if err != nil {
		e.failing(err)
		return
	}
	e.health.Checked = now
	if e.wanted.missing == 0 {
		e.health.Err, e.health.Failed = nil, time.Time{}
	}
}
