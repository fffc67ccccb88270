package terminal

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// The fields of the form, in their order.
const (
	fieldTuple = iota
	fieldScope
	fieldFor
	fieldVerdict
	fieldComment
	fieldForce
)

// asUsual is the verdict that [enforce] says.
const asUsual = "as usual"

// beginBlock asks what to block.
func (m *model) beginBlock() tea.Cmd {
	if !m.may() || m.nothing() {
		return nil
	}
	tuple, _ := m.tuple()
	f := newForm("Block by hand",
		field{name: "tuple", value: tuple, hint: "source-destination-port-protocol", most: 256},
		field{name: "scope", choices: []choice{
			{string(policy.ScopeTuple), "this tuple alone"},
			{string(policy.ScopePair), "all between its two addresses"},
			{string(policy.ScopeDestination), "all to and from its destination, of whoever"},
			{string(policy.ScopeSource), "a quarantine: all to and from its source"},
		}},
		field{name: "for", hint: "12h, 7d, ...; empty: as long as the policy says", most: 16},
		field{name: "verdict", choices: []choice{
			{asUsual, "as [enforce] verdict says"},
			{string(policy.VerdictDrop), "nobody is told"},
			{string(policy.VerdictReject), "who sends is told"},
		}},
		field{name: "comment", hint: "why, for the history and other admins", most: maxComment},
		field{name: "force", choices: []choice{
			{"no", ""},
			{"yes", "also against the allow list and max_blocks"},
		}},
	)
	f.submit = func(v []string) (action, error) { return m.blocking(v) }
	m.begin(f)
	return nil
}

// blocking makes of what was typed what to ask.
func (m *model) blocking(v []string) (action, error) {
	d, err := parseFor(v[fieldFor])
	switch {
	case err != nil:
		return action{}, err
	case v[fieldTuple] == "":
		return action{}, fmt.Errorf("tuple: write it as source-destination-port-protocol, as in 10.0.0.7-203.0.113.9-443-tcp")
	}
	// Its parts may stand apart, as the arguments of block add do.
	tuple := strings.Join(strings.Fields(v[fieldTuple]), "-")
	b := control.NewBlock{Tuple: tuple, Scope: policy.Scope(v[fieldScope]), Duration: d, Comment: v[fieldComment], Force: v[fieldForce] == "yes"}
	if v[fieldVerdict] != asUsual {
		b.Verdict = policy.Verdict(v[fieldVerdict])
	}
	long := "as long as the policy says"
	if d > 0 {
		long = "for " + numbers.Duration(d)
	}
	return action{
		asks: fmt.Sprintf("Block %s, %s?", m.covers(b), long), what: m.does(b),
		do: func(ctx context.Context, a asker) (string, error) {
			b, err := a.AddBlock(ctx, b)
			return fmt.Sprintf("%s: %s, until %s", stateWords(b.State), wholeTuple(b.Tuple, b.Scope), clock(b.Until, time.Now())), err
		},
	}, nil
}

// covers says what a block would cover. Names in a tuple are the agent's matter.
func (m *model) covers(b control.NewBlock) string {
	t, err := argusfeed.FindTuple(b.Tuple)
	switch {
	case err == nil && b.Scope != policy.ScopeTuple:
		return wholeTuple(t, b.Scope)
	case b.Scope != policy.ScopeTuple:
		return "the " + string(b.Scope) + " of " + b.Tuple
	}
	return b.Tuple
}

// does says what would happen.
func (m *model) does(b control.NewBlock) string {
	if m.status.Enforce.DryRun {
		return "The agent runs in dry-run mode: nothing is dropped, it is only told."
	}
	what := "Its packets are stopped at once, in both directions."
	switch b.Scope {
	case policy.ScopeDestination:
		what = "Nobody reaches it any more, at once."
	case policy.ScopeSource:
		what = "It reaches nobody any more, at once, but for what [enforce] lets it keep."
	}
	if b.Verdict == policy.VerdictReject {
		what += " Who sends is told (reject)."
	}
	if b.Force {
		what += " With force: also against the allow list and max_blocks."
	}
	return what
}
