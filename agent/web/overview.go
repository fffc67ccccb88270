package web

import (
	"cmp"
	"slices"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/policy"
)

// How much an overview has.
const (
	overviewBlocks = 10
	overviewEvents = 10
)

type overviewBody struct {
	Status status.Status
	// Newest are blocks, Changed what else happened; NoBlocks and NoEvents say why
	// there are none.
	Newest             control.BlockList
	Changed            []history.Event
	NoBlocks, NoEvents string
	Labels             []labelCount
	Decided            []status.Decisions
}

type labelCount struct {
	Label string
	Count uint64
}

func (r *request) overview() (answer, error) {
	b := overviewBody{Status: r.p.agent.Status()}
	var err error
	if b.Newest, err = r.p.agent.Blocks(r.Context(), control.BlockQuery{Limit: overviewBlocks}); err != nil {
		b.NoBlocks = errorText(err)
	}
	page, err := r.p.agent.Events(r.Context(), history.Query{Limit: overviewEvents,
		Kinds: []history.Kind{history.KindChange, history.KindAgent, history.KindFeed, history.KindLift}})
	if err != nil {
		b.NoEvents = errorText(err)
	}
	b.Changed = page.Events
	for label, n := range b.Status.Detection.Labels {
		b.Labels = append(b.Labels, labelCount{label, n})
	}
	slices.SortFunc(b.Labels, func(x, y labelCount) int { return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Label, y.Label)) })
	b.Labels = b.Labels[:min(len(b.Labels), overviewEvents)]
	b.Decided = slices.Clone(b.Status.Policy.Decisions)
	slices.SortFunc(b.Decided, func(x, y status.Decisions) int {
		return cmp.Or(rank(x)-rank(y), cmp.Compare(y.Count, x.Count), cmp.Compare(x.Cause, y.Cause))
	})
	return answer{name: "overview", title: "Overview", section: "overview", refresh: true, body: b}, nil
}

// decides tells whether the agent blocks anything, or would.
func (r *request) decides() bool { return r.p.agent.Status().Mode != detectOff }

// detectOff is the mode in which nothing is judged.
const detectOff = "detect-off"

// rank puts what is blocked first.
func rank(d status.Decisions) int {
	return slices.Index([]string{string(policy.ActionBlock), string(policy.ActionAlert), string(policy.ActionIgnore)}, d.Action)
}
