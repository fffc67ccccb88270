package terminal

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
	"slips-ips/policy"
)

// beginUnblock asks whether to lift the block of what is selected, or to end an
// entry of the allow list.
func (m *model) beginUnblock() tea.Cmd {
	if !m.may() {
		return nil
	}
	if m.view == viewAllowed && m.explaining == "" {
		m.beginDisallow()
		return nil
	}
	tuple, b := m.tuple()
	switch {
	case m.nothing():
		return nil
	case tuple == "":
		m.say(true, "select a block, an alert or a tuple first")
		return nil
	case b != nil:
		m.askUnblock(tuple, b)
		return nil
	}
	// Which block it is that stops this tuple, and what else that one stops, the
	// agent knows.
	m.doing = true
	m.say(false, "asking the agent ...")
	return func() tea.Msg {
		ctx, stop := context.WithTimeout(m.ctx, askTime)
		defer stop()
		e, err := m.agent.ExplainTuple(ctx, tuple)
		return covering{tuple, e.Block, err}
	}
}

// covering is the block that stops a tuple; nil: none does.
type covering struct {
	tuple string
	block *control.BlockInfo
	err   error
}

// learned goes on with the question when it is known which block there is.
func (m *model) learned(c covering) {
	m.doing = false
	switch {
	case c.err != nil:
		m.say(true, "%s", c.err)
	case c.block == nil:
		m.say(true, "%s is not blocked", c.tuple)
	case m.form != nil || m.confirm != nil: // something else is asked by now
	default:
		m.say(false, "")
		m.askUnblock(c.tuple, c.block)
	}
}

// askUnblock asks whether to lift the block that stops a tuple.
func (m *model) askUnblock(tuple string, b *control.BlockInfo) {
	id := b.ID
	if b.Tuple.String() != tuple || b.Scope != policy.ScopeTuple && b.Scope != "" {
		// It covers more than the tuple that is looked at: that is what ends.
		tuple = b.Tuple.String() + ", " + wholeTuple(b.Tuple, b.Scope)
	}
	m.propose(action{
		asks: "Lift the block of " + tuple + "?",
		what: fmt.Sprintf("It ends by itself in %s. When it is detected again it is blocked again: allow it (a) where that is wrong.", numbers.Left(b.Until.Sub(m.now))),
		do: func(ctx context.Context, a asker) (string, error) {
			_, err := a.RemoveBlock(ctx, id)
			return "lifted the block of " + tuple, err
		},
	})
}

// beginDisallow asks whether to end an entry of the allow list.
func (m *model) beginDisallow() {
	entry := m.allows.selected()
	switch {
	case entry == nil:
		m.say(true, "no entry is selected")
		return
	case entry.From == control.FromConfig:
		m.say(true, "%s is from [protect] of slips.toml: take it out there and reload", entry.Network)
		return
	case entry.From == control.FromHost:
		m.say(true, "%s: this host needs it for itself; nothing ends that", entry.Network)
		return
	}
	network := entry.Network
	m.propose(action{
		asks: "End the entry of " + network + "?",
		what: "What is detected of it is decided by the policy again.",
		do: func(ctx context.Context, a asker) (string, error) {
			_, err := a.RemoveAllow(ctx, network)
			return network + " may be blocked again", err
		},
	})
}
