package enforce

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"slips-ips/policy"
)

// Restore puts blocks in force that were so before, as after a reboot: their
// Duration is what is left of them. It gives one result for each, in the order
// of blocks. The widest go first, and of equal ones the newest, by their ids.
//
// Blocks that come meanwhile by Apply go before the rest. One that the kernel
// has already for as long is left alone, so that it is right to restore what was
// adopted too.
func (e *Enforcer) Restore(blocks []policy.Block) []Result {
	order := make([]int, 0, len(blocks))
	results := make([]Result, len(blocks))
	widths := make([]setKind, len(blocks))
	now := e.now()
	e.mu.Lock()
	for i, b := range blocks {
		k, err := keyFor(b, e.cfg.IPv6Prefix)
		if err == nil {
			a, ok := e.wanted.live(k, now)
			if ok && a.State != StateMissing && !a.Until.Before(now.Add(b.Duration-slack)) {
				results[i] = Result{Block: b, Until: a.Until, Before: true}
				continue
			}
		}
		widths[i] = k.set / 2
		order = append(order, i)
	}
	e.mu.Unlock()
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(widths[b], widths[a]), cmp.Compare(blocks[b].ID, blocks[a].ID))
	})
	sorted := make([]policy.Block, len(order))
	for i, at := range order {
		sorted[i] = blocks[at]
	}
	done := make([]Result, len(order))
	e.applyAll(sorted, done, e.op.LockPatiently)
	restored := uint64(0)
	for i, at := range order {
		results[at] = done[i]
		if done[i].Err == nil {
			restored++
		}
	}
	e.mu.Lock()
	e.stats.Restored += restored
	e.mu.Unlock()
	return results
}

// Restored tells what became of RestoreOnce.
type Restored struct {
	// Blocks are in force, Adopted of them were before; Refused are not, because
	// they must not be or could not be matched, Failed because the kernel did not
	// take them.
	Blocks, Adopted, Refused, Failed int
	// First is the first reason of a failed one.
	First error
	Took  time.Duration
}

// RestoreOnce puts blocks in force and ends, without an agent: for a service that
// runs before packets are forwarded. The agent that starts later adopts what is
// in the kernel. opt.Protected must give what is protected already then, and may
// leave out what only the running network tells, such as gateways: the agent
// lifts at its start what those forbid.
func RestoreOnce(cfg Config, opt Options, blocks []policy.Block) (Restored, error) {
	if opt.DryRun {
		return Restored{}, errors.New("enforce: dry-run restores nothing")
	}
	start := time.Now()
	e, err := New(cfg, opt)
	if err != nil {
		return Restored{}, fmt.Errorf("restoring blocks: %w", err)
	}
	r := Restored{Adopted: int(e.Stats().Adopted)}
	for _, res := range e.Restore(blocks) {
		switch {
		case res.Err == nil:
		case errors.Is(res.Err, ErrRefused):
			r.Refused++
		default:
			r.Failed++
			if r.First == nil {
				r.First = res.Err
			}
		}
	}
	s := e.Stats()
	r.Blocks, r.Took = s.Wanted-s.Missing, time.Since(start)
	return r, e.Close()
}
