package agent

import (
	"cmp"
	"slices"
	"sync"

	"slips-ips/agent/status"
	"slips-ips/policy"
)

// tally counts decisions by action and cause. It is safe for concurrent use.
type tally struct {
	mu              sync.Mutex
	decisions       map[tallied]uint64
	blocked, failed uint64
}

type tallied struct {
	action policy.Action
	cause  policy.Cause
}

func newTally() *tally { return &tally{decisions: map[tallied]uint64{}} }

func (t *tally) count(o outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.decisions[tallied{o.decision.Action, o.decision.Cause}]++
	switch {
	case o.failed != nil:
		t.failed++
	case o.decision.Action == policy.ActionBlock:
		t.blocked++
	}
}

// sums gives all decisions, and how many blocks were put in force and failed.
func (t *tally) sums() (decisions, blocked, failed uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.decisions {
		decisions += n
	}
	return decisions, t.blocked, t.failed
}

func (t *tally) status() []status.Decisions {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]status.Decisions, 0, len(t.decisions))
	for k, n := range t.decisions {
		list = append(list, status.Decisions{Action: string(k.action), Cause: string(k.cause), Count: n})
	}
	slices.SortFunc(list, func(a, b status.Decisions) int {
		return cmp.Or(cmp.Compare(a.Action, b.Action), cmp.Compare(a.Cause, b.Cause))
	})
	return list
}
