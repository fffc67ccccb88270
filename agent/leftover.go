package agent

import (
	"context"
	"fmt"
	"time"

	"slips-ips/agent/status"
)

// leftover are blocks that an agent in enforce mode left in the kernel, where
// this one runs in another mode and does not look at them.
type leftover struct {
	blocks int
	until  time.Time // when the last of them runs out
}

// leftoverTime is how long the history is asked at the start.
const leftoverTime = 5 * time.Second

// findLeftover asks the history, not the kernel: in dry-run no netlink socket is
// opened.
func findLeftover(k *kept) leftover {
	var l leftover
	if k.history == nil {
		return l
	}
	ctx, cancel := context.WithTimeout(context.Background(), leftoverTime)
	defer cancel()
	blocks, _ := k.history.Blocks(ctx) // what it cannot read nobody can warn of
	for _, b := range blocks {
		if time.Until(b.Until) <= 0 {
			continue
		}
		l.blocks++
		if b.Until.After(l.until) {
			l.until = b.Until
		}
	}
	return l
}

// problem warns while any of them may be in force.
func (l leftover) problem(now time.Time, table string) []status.Problem {
	if l.blocks == 0 || !now.Before(l.until) {
		return nil
	}
	return []status.Problem{{Severity: status.Warning, Area: "enforce", What: fmt.Sprintf(
		"%d blocks that were made in enforce mode go on in the kernel until %s at the latest, and this agent does not look at them; to end them: nft delete table inet %s",
		l.blocks, l.until.UTC().Format(time.RFC3339), table)}}
}
