package enforce

import (
	"context"
	"errors"
	"fmt"
	"time"

	"slips-ips/policy"
)

// Report tells what was found and done since the report before.
type Report struct {
	// Rebuilt says why the table was made again; it is empty where it was not.
	Rebuilt string
	// Restored is how many blocks were put back into the kernel, Missing how
	// many it does not have at this moment.
	Restored, Missing int
	// Removed is how many elements were taken out of the kernel that no block
	// wanted: somebody else had put them there.
	Removed int
	// Connections is why connection tracking could not be made to forget those of
	// blocked traffic, once for each reason. It is tried again. Without a flowtable
	// the blocks hold all the same.
	Connections error
	// Lifted are blocks taken back because an end of them is protected now;
	// their Err says which, or why lifting failed.
	Lifted []Lifted
	// Late are blocks that Apply said had failed and that are in force by now, at
	// most max_blocks of them.
	Late []Active
	// Expired are the blocks that ran out, at most max_blocks of them.
	Expired []Active
}

// Lifted is a block that was taken back, as it was before.
type Lifted struct {
	Active
	Err error
}

// Quiet tells whether there is nothing to report.
func (r Report) Quiet() bool {
	return r.Rebuilt == "" && r.Restored == 0 && r.Missing == 0 && r.Removed == 0 && r.Connections == nil && len(r.Lifted) == 0 && len(r.Late) == 0 && len(r.Expired) == 0
}

// Check compares the kernel with what is wanted and mends the difference. Where
// nobody else touched the ruleset it costs a few questions to the kernel.
func (e *Enforcer) Check() (Report, error) {
	if e.Paused() {
		if err := e.checkPaused(); err != nil {
			return Report{}, fmt.Errorf("keeping the table out of the kernel: %w", err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.checked(e.now(), nil)
		r := e.since
		e.since = Report{}
		return r, nil
	}
	lifted, err := e.compare()
	if err == nil && e.kernel != nil {
		err = e.search()
	}
	if err == nil {
		err = e.mend()
	}
	trouble := e.forget.trouble()
	now := e.now()
	e.mu.Lock()
	e.expire(now)
	r := e.since
	r.Connections = trouble
	e.since = Report{}
	r.Missing = e.wanted.missing
	if err != nil {
		err = fmt.Errorf("checking the blocks in the kernel: %w", err)
	}
	e.checked(now, err)
	e.mu.Unlock()
	r.Lifted = append(r.Lifted, lifted...)
	return r, err
}

// Watch calls Check every interval until ctx ends, and at once where somebody
// else changed the ruleset, and tells report what is not quiet. After an error, or
// blocks that were missing, it also tells once that all is well. It returns ctx's
// error, or ErrClosed.
func (e *Enforcer) Watch(ctx context.Context, every time.Duration, report func(Report, error)) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	troubled := false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-e.wake:
		}
		r, err := e.Check()
		if errors.Is(err, ErrClosed) {
			return err
		}
		before := troubled
		if troubled = err != nil || r.Missing > 0; troubled || before || !r.Quiet() {
			report(r, err)
		}
	}
}

// compare lifts what became protected, makes sure of the table, and looks for
// what others are known to have removed.
func (e *Enforcer) compare() (lifted []Lifted, err error) {
	e.op.Lock()
	defer e.op.Unlock()
	switch {
	case e.isClosed():
		return nil, ErrClosed
	case e.Paused(): // since Check looked
		return nil, nil
	case e.kernel == nil:
		return e.recheck(), nil
	}
	n := e.kernel.notice()
	if n.overrun {
		e.mu.Lock()
		e.stats.Overruns++
		e.mu.Unlock()
		e.doubt.again = true
	}
	if n.remade {
		e.doubt.again, e.doubt.whole = true, true
	}
	if len(e.doubt.first) < maxNoticed { // checks that fail do not add up
		e.doubt.first = append(e.doubt.first, n.keys...)
	} else {
		e.doubt.again = e.doubt.again || len(n.keys) > 0
	}
	lifted = e.recheck()
	return lifted, e.ensure()
}

// recheck lifts the blocks that the protected addresses of this moment forbid,
// if they are others than the last time.
func (e *Enforcer) recheck() []Lifted {
	p := e.opt.Protected()
	if p == nil || p == e.protected {
		return nil
	}
	if e.guard(p) {
		if err := e.transact(e.kernel.setGuards); err != nil {
			e.kernel.guarded = false // and again with the next check
			e.mu.Lock()
			e.stats.Failed++
			e.mu.Unlock()
			return nil
		}
	}
	var (
		blocks  []policy.Block
		reasons []string
		lifted  []Lifted
	)
	e.mu.Lock()
	for _, a := range e.wanted.all() {
		if why, refused := p.RefusesBlock(a.Block); refused {
			blocks, reasons, lifted = append(blocks, a.Block), append(reasons, why), append(lifted, Lifted{Active: a})
		}
	}
	e.mu.Unlock()
	complete := true
	for i, r := range e.lift(blocks) {
		lifted[i].Err = r.Err
		if r.Err != nil {
			complete = false
			continue
		}
		lifted[i].Err = fmt.Errorf("%w from now on: %s", ErrRefused, reasons[i])
	}
	if complete {
		e.protected = p
	}
	return lifted
}

// expire takes what ran out from the wanted blocks and keeps it for the next
// report. Whoever calls it holds mu.
func (e *Enforcer) expire(now time.Time) {
	n := len(e.since.Expired)
	e.since.Expired = e.wanted.expire(now, e.since.Expired)
	e.stats.Expired += uint64(len(e.since.Expired) - n)
	if over := len(e.since.Expired) - e.cfg.MaxBlocks; over > 0 {
		e.since.Expired = append([]Active(nil), e.since.Expired[over:]...)
	}
}
