package terminal

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
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

// nothing tells whether there are no blocks at all in this mode, and says so.
func (m *model) nothing() bool {
	if m.off() {
		m.say(true, "in detect-off mode nothing is blocked: mode in [agent] of slips.toml, and a restart")
	}
	return m.off()
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
