package enforce

import "errors"

// Pause lifts all blocks at once and removes the table; until Resume every block
// is refused ([ErrPaused]) and nothing is put back. It gives the blocks that it
// ended. After an error the enforcer is paused all the same, but the kernel may
// still have the table; Check goes on trying to remove it.
func (e *Enforcer) Pause() (ended []Active, err error) {
	e.op.Lock()
	defer e.op.Unlock()
	if e.isClosed() {
		return nil, ErrClosed
	}
	now := e.now()
	e.mu.Lock()
	e.expire(now)
	e.paused, e.behind = true, false
	for p := e.wanted.oldest; p != nowhere; p = e.wanted.places[p].newer {
		ended = append(ended, e.told(e.wanted.places[p].active))
	}
	e.wanted.clear()
	e.stats.Lifted += uint64(len(ended))
	e.mu.Unlock()
	return ended, e.off()
}

// Paused tells whether nothing is blocked because of Pause or Options.Paused.
func (e *Enforcer) Paused() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.paused
}

// Resume ends a pause: the table is made again, without a block. After an error
// the pause goes on.
func (e *Enforcer) Resume() error {
	e.op.Lock()
	defer e.op.Unlock()
	switch {
	case e.isClosed():
		return ErrClosed
	case !e.Paused():
		return nil
	}
	if e.kernel != nil {
		if err := e.off(); err != nil { // what is left of before is not wanted
			return err
		}
		e.built, e.protected = false, nil
		e.guard(e.opt.Protected())
		if err := e.ensure(); err != nil {
			return errors.Join(err, e.off())
		}
	}
	e.mu.Lock()
	e.paused = false
	e.mu.Unlock()
	e.nudge()
	return nil
}

// off removes the table. Whoever calls it holds op.
func (e *Enforcer) off() error {
	e.doubt = doubt{}
	if e.kernel == nil {
		return nil
	}
	_ = e.kernel.notice() // what others do is not mended now
	err := e.kernel.remove()
	now := e.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.removed = err == nil
	e.checked(now, err)
	return err
}

// checkPaused is Check while paused.
func (e *Enforcer) checkPaused() error {
	e.op.Lock()
	defer e.op.Unlock()
	if e.isClosed() {
		return ErrClosed
	}
	if !e.removed {
		return e.off()
	}
	if e.kernel != nil {
		_ = e.kernel.notice()
	}
	return nil
}

// startPaused is what adopt is for an enforcer that begins paused: what an agent
// before left in the kernel goes.
func (e *Enforcer) startPaused() error {
	if err := e.kernel.own(); err != nil {
		return err
	}
	if err := e.off(); err != nil {
		return err
	}
	return e.kernel.listen(e.opt.eventBuffer, e.nudge)
}
