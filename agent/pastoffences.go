package agent

import (
	"context"
	"time"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// pastTime bounds how long a start waits for the history.
const pastTime = 5 * time.Second

// rememberOffences tells the decider what was blocked before this process, so
// that what comes back is blocked for longer over a restart as well. It is for
// before the pipeline runs. Without a history nothing is known, and the agent starts
// nevertheless.
func (a *Agent) rememberOffences() {
	if a.kept.history == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), pastTime)
	defer cancel()
	began := time.Now()
	// More than there are places for would push each other out.
	past, unreadable, err := a.kept.history.PastBlocks(ctx, a.cfg.Policy.MaxTuples, a.enforcer.DryRun())
	if err != nil {
		a.log.Error("what was blocked before is not known: whatever comes back is blocked as if for the first time", "error", err)
		return
	}
	for _, b := range past {
		recordPast(a.decider.offences, b)
	}
	if unreadable > 0 {
		a.log.Warn("some of the past blocks in the history cannot be read and do not count", "blocks", unreadable)
	}
	a.log.Debug("remembered what was blocked before", "blocks", len(past), "offences", a.decider.offences.Len(),
		"took", time.Since(began).Round(time.Millisecond))
}

// recordPast takes note of a block as when it began, and when it was lifted by
// hand, as then.
func recordPast(o *policy.Offences, b history.Block) {
	if b.End == history.EndLifted {
		o.Pardon(b.Block)
		return
	}
	// A renewal keeps the beginning of what it renews, but lasts from its own.
	o.Record(b.Block, argusfeed.TimeOf(b.Until.Add(-b.Duration)))
}
