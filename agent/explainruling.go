package agent

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"slips-ips/agent/control"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// explainPolicy fills in what the policy brings to an explanation: the decision with
// the line of its rule, the budget, and when the next contact is due.
func (o operator) explainPolicy(ctx context.Context, e *control.Explanation, would *control.Ruling) error {
	cfg := o.reload.config()
	switch {
	case would != nil:
		e.Ruling = would
	case e.Block != nil:
		if g, ok := o.groundOf(ctx, policy.Block{ID: e.Block.ID, Tuple: e.Block.Tuple}); ok {
			e.Ruling = &control.Ruling{Decision: g.decision, Made: true}
		}
	}
	if r := e.Ruling; r != nil && r.Decision.Rule != policy.RuleByHand {
		r.File, r.Line = o.ruleLine(cfg, r.Decision.Rule)
	}
	var spent policy.Spent
	if err := ask(ctx, o.deciding, func() {
		o.decider.hearEnds()
		spent = o.decider.ledger.Spent(e.Tuple, argusfeed.TimeOf(time.Now()))
	}); err != nil {
		return err
	}
	b := cfg.Policy.Budget
	e.Budget = []control.Budget{
		{Limit: "max_blocks", Used: o.enforcer.Len(), Most: cfg.Policy.MaxBlocks},
		{Limit: "budget.per_minute", Used: spent.Minute, Most: b.PerMinute},
		{Limit: "budget.per_source", Used: spent.Source, Most: b.PerSource},
		{Limit: "budget.per_destination", Used: spent.Destination, Most: b.PerDestination},
	}
	if j := e.Judgement; j != nil && e.Known != nil && j.Gap > 0 {
		e.Next = e.Known.Last.Add(j.Gap).Time().UTC()
	}
	return nil
}

// ruleLine finds where a rule stands in the file that is in force; line is 0 where
// it is in none, as those that are built in, or the file was edited since.
func (o operator) ruleLine(cfg Config, rule string) (file string, line int) {
	said := o.reload.status()
	info, err := os.Stat(said.Path)
	if said.Path == "" || err != nil || info.ModTime().After(said.Loaded) {
		return "", 0
	}
	data, err := os.ReadFile(said.Path)
	if err != nil {
		return "", 0
	}
	keys := keyLines(data)
	if rule == policy.DefaultRule {
		if i := slices.IndexFunc(keys, func(k keyLine) bool { return k.path == "policy.action" }); i >= 0 {
			return said.Path, keys[i].line
		}
		return "", 0
	}
	// One without a name is called rule[N].
	path := "policy." + rule
	if i := slices.IndexFunc(cfg.Policy.Rules, func(r policy.Rule) bool { return r.Name == rule }); i >= 0 {
		path = fmt.Sprintf("policy.rule[%d]", i)
	}
	for _, k := range keys {
		if k.path == path && k.plain == "policy.rule" {
			return said.Path, k.line
		}
	}
	return "", 0
}
