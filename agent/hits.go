package agent

import (
	"context"
	"errors"
	"time"

	"slips-ips/agent/control"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// hitsEvery is how often the kernel is asked what the blocks have hit: the status
// asks nobody, and tells what was found last.
const hitsEvery = 2 * time.Second

// countHits keeps what all blocks have hit until ctx ends, or until it is clear that
// nothing counts.
func (a *Agent) countHits(ctx context.Context) {
	tick := time.NewTicker(hitsEvery)
	defer tick.Stop()
	for {
		counts, err := a.enforcer.Counts()
		switch {
		case err == nil:
			a.hits.Store(&counts)
		case errors.Is(err, enforce.ErrNotCounted):
			a.hits.Store(nil)
			if !a.enforcer.Paused() && a.enforcer.DryRun() {
				return // nor ever will
			}
		default: // the check says what is wrong with the kernel
			a.hits.Store(nil)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// hitsOf is what one block has hit; nil where that is not counted.
func (a *Agent) hitsOf(b control.BlockInfo) *enforce.Counts {
	if b.State == enforce.StateMissing {
		return nil
	}
	counts, err := a.enforcer.CountOf(policy.Block{ID: b.ID, Tuple: b.Tuple, Scope: b.Scope})
	if err != nil {
		return nil
	}
	return &counts
}
