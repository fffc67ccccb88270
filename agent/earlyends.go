package agent

import (
	"sync"
	"time"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// earlyEnds are the blocks that ended, or began late, and of which the decider has not
// heard yet. Those that ran out are among them: they end by how long the machine ran,
// and the decider's ledger goes by the wall's clock, which may have been set back
// meanwhile. Whoever ends a block leaves it here and waits for nobody: the
// watch over the kernel must not wait for a decider that waits for the enforcer.
// The decider takes them before it decides. It is safe for concurrent use; nil is
// always empty.
//
// It is as bounded as the blocks are: what is in it was in force when the decider
// last took it, for only the decider makes blocks.
type earlyEnds struct {
	mu      sync.Mutex
	waiting []earlyEnd
}

type earlyEnd struct {
	block  policy.Block
	pardon bool
	// began is when it began, where it was told before that it could not be put in
	// force; 0: it ended.
	began argusfeed.Time
}

// note takes note of the end of a block.
func (e *earlyEnds) note(b policy.Block, why history.End) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = append(e.waiting, earlyEnd{block: b, pardon: why == history.EndLifted})
}

// began takes note of a block that is in force later than it was decided.
func (e *earlyEnds) began(b policy.Block, at time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = append(e.waiting, earlyEnd{block: b, began: argusfeed.TimeOf(at)})
}

func (e *earlyEnds) take() []earlyEnd {
	if e == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	all := e.waiting
	e.waiting = nil
	return all
}

// hearEnds gives back the places in the budget of what ended, forgives what a
// person lifted, and counts what began late.
func (d *decider) hearEnds() {
	for _, end := range d.ends.take() {
		b := end.block
		if end.began != 0 {
			d.record(b, end.began)
			continue
		}
		active, ok := d.blocks.Of(b)
		again := ok && active.Block.ID != b.ID // blocked since
		if d.ledger != nil && !again {
			d.ledger.Lifted(b)
		}
		if d.offences == nil || !end.pardon {
			continue
		}
		d.offences.Pardon(b)
		if again {
			d.offences.Record(active.Block, argusfeed.TimeOf(active.Since))
		}
	}
}
