package terminal

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
	"slips-ips/policy"
)

// action is something to do when the admin confirms it.
type action struct {
	// asks is the question; what tells what would happen.
	asks, what string
	do         func(context.Context, asker) (string, error)
}

// done tells how an action went.
type done struct {
	text string
	err  error
}

// propose asks before something is done.
func (m *model) propose(a action) {
	m.confirm, m.form, m.help = &a, nil, false
}

// answerKey answers the question: only y does it.
func (m *model) answerKey(s string) tea.Cmd {
	switch s {
	case "y", "Y":
		a := m.confirm
		m.confirm, m.doing = nil, true
		m.say(false, "asking the agent ...")
		return func() tea.Msg {
			ctx, stop := context.WithTimeout(m.ctx, askTime)
			defer stop()
			text, err := a.do(ctx, m.agent)
			return done{text, err}
		}
	case "n", "N", "esc", "q":
		m.confirm = nil
		m.say(false, "nothing was changed")
	}
	return nil
}

// may tells whether anything can be changed now, and says why not.
func (m *model) may() bool {
	switch {
	case m.doing:
		m.say(true, "wait for the answer to the change before")
	case m.gone != nil:
		m.say(true, "no agent answers; slips-ips panic lifts all blocks without one")
	case m.you != nil && !m.you.Change:
		m.say(true, "you may only look on: changes are for root and [agent] admin_group")
	default:
		return true
	}
	return false
}

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
	if tuple == "" {
		m.say(true, "select a block, an alert or a tuple first")
		return nil
	}
	which, ends := tuple, ""
	if b != nil {
		which = b.ID
		if b.Tuple.String() != tuple || b.Scope != policy.ScopeTuple && b.Scope != "" {
			// It covers more than the tuple that is looked at: that is what ends.
			tuple = b.Tuple.String() + ", " + wholeTuple(b)
		}
		ends = fmt.Sprintf("It ends by itself in %s. ", numbers.Left(b.Until.Sub(m.now)))
	}
	m.propose(action{
		asks: "Lift the block of " + tuple + "?",
		what: ends + "When it is detected again it is blocked again: allow it (a) where that is wrong.",
		do: func(ctx context.Context, a asker) (string, error) {
			info, err := a.RemoveBlock(ctx, which)
			return "lifted " + info.Tuple.String(), err
		},
	})
	return nil
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

// beginAllow asks what to allow.
func (m *model) beginAllow() tea.Cmd {
	if !m.may() {
		return nil
	}
	source, destination := m.ends()
	f := newForm("Never block an address or network",
		field{name: "address", value: destination, hint: "an address or network; ctrl+t: the other end", most: 64},
		field{name: "for", value: "7d", hint: "12h, 7d, ...; empty: always", most: 16},
		field{name: "comment", hint: "why, for other admins", most: maxComment},
	)
	f.swap = func() { f.exchange(source, destination) }
	f.submit = func(v []string) (action, error) {
		network, err := control.ParseNetwork(v[0])
		if err != nil {
			return action{}, fmt.Errorf("address: %w", err)
		}
		d, err := parseFor(v[1])
		if err != nil {
			return action{}, err
		}
		shown, until := network.String(), "for ever"
		if network.IsSingleIP() {
			shown = network.Addr().String()
		}
		if d > 0 {
			until = "for " + numbers.Duration(d)
		}
		return action{
			asks: fmt.Sprintf("Never block %s, %s?", shown, until),
			what: "Blocks of it end at once, and none comes back until then.",
			do: func(ctx context.Context, a asker) (string, error) {
				entry := control.Allow{Network: shown, Comment: v[2]}
				if d > 0 {
					entry.Until = time.Now().Add(d)
				}
				r, err := a.AddAllow(ctx, entry)
				text := fmt.Sprintf("%s is not blocked, %s; %s lifted", shown, until, numbers.Count(len(r.Lifted), "block was", "blocks were"))
				if r.Warning != "" {
					text += "; warning: " + r.Warning
				}
				return text, err
			},
		}, nil
	}
	m.begin(f)
	return nil
}

// maxComment is what the agent takes of a comment, in bytes.
const maxComment = 200

// ends gives the two addresses of what is selected.
func (m *model) ends() (source, destination string) {
	switch {
	case m.explaining != "" && m.explanation != nil:
		return m.explanation.Tuple.Src.String(), m.explanation.Tuple.Dst.String()
	case m.explaining != "":
	case m.view == viewBlocks:
		if b := m.blocks.selected(); b != nil {
			return b.Tuple.Src.String(), b.Tuple.Dst.String()
		}
	case m.view == viewTuples:
		if t := m.tuples.selected(); t != nil {
			return t.Tuple.Src.String(), t.Tuple.Dst.String()
		}
	case m.view == viewAlerts:
		if e := m.alerts.selected(); e != nil && e.Decision != nil {
			return e.Decision.Tuple.Src.String(), e.Decision.Tuple.Dst.String()
		} else if e != nil && e.Block != nil {
			return e.Block.Tuple.Src.String(), e.Block.Tuple.Dst.String()
		}
	}
	return "", ""
}

// parseFor reads how long; nothing is 0.
func parseFor(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := control.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("for: %w", err)
	}
	return d, nil
}

// beginBlock asks what to block.
func (m *model) beginBlock() tea.Cmd {
	if !m.may() {
		return nil
	}
	tuple, _ := m.tuple()
	f := newForm("Block a tuple",
		field{name: "tuple", value: tuple, hint: "source-destination-port-protocol", most: 256},
		field{name: "for", hint: "12h, 7d, ...; empty: as long as the policy says", most: 16},
		field{name: "comment", hint: "why, for the history and other admins", most: maxComment},
		field{name: "force", value: "no", hint: "yes: also against the allow list and max_blocks", most: 3},
	)
	f.submit = func(v []string) (action, error) {
		d, err := parseFor(v[1])
		switch {
		case err != nil:
			return action{}, err
		case v[0] == "":
			return action{}, fmt.Errorf("tuple: write it as source-destination-port-protocol, as in 10.0.0.7-203.0.113.9-443-tcp")
		case v[3] != "yes" && v[3] != "no":
			return action{}, fmt.Errorf("force: %q is neither yes nor no", v[3])
		}
		long := "as long as the policy says"
		if d > 0 {
			long = "for " + numbers.Duration(d)
		}
		what := "Its packets are dropped at once, in both directions."
		if m.status.Enforce.DryRun {
			what = "The agent runs in dry-run mode: nothing is dropped, it is only told."
		}
		return action{
			asks: fmt.Sprintf("Block %s %s?", v[0], long), what: what,
			do: func(ctx context.Context, a asker) (string, error) {
				b, err := a.AddBlock(ctx, control.NewBlock{Tuple: v[0], Duration: d, Comment: v[2], Force: v[3] == "yes"})
				return fmt.Sprintf("%s %s until %s", stateWord(b.State), b.Tuple, clock(b.Until, time.Now())), err
			},
		}, nil
	}
	m.begin(f)
	return nil
}
