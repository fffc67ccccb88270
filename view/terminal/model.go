package terminal

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/status"
)

// view is one of the lists.
type view int

// The views, in the order of their keys.
const (
	viewBlocks view = iota
	viewAlerts
	viewTuples
	viewAllowed
	viewHealth
	views
)

// name is what a view is called on the screen.
func (v view) name() string {
	return [...]string{"Blocks", "Alerts", "Tuples", "Allowed", "Health"}[v]
}

// model is all that is on the screen. It belongs to bubbletea's event loop.
type model struct {
	ctx     context.Context
	agent   asker
	written func() uint64 // bytes to the terminal, so far
	pace    pace

	width, height int
	view          view
	// chosen says that the admin chose the view; until then it is the one with
	// something to tell.
	chosen bool
	filter filter
	sort   control.TupleSort
	only   [views]bool
	blocks list[control.BlockInfo]
	alerts list[history.Event]
	tuples list[control.TupleRow]
	allows list[control.Allow]
	older  bool // there are older alerts than those listed
	scroll int  // of the health view, the help and the explanation
	help   bool

	// explaining is the tuple that is explained, empty: none; explanation is nil
	// until the agent has told, unknown why it cannot.
	explaining  string
	explanation *control.Explanation
	unknown     error

	form    *form
	confirm *action
	doing   bool // an action is under way, or what it is about is asked for
	note    string
	bad     bool // the note is about something that did not work

	status    status.Status
	now       time.Time // the agent's when the newest answer came
	gone      error     // why the agent does not answer; nil: it does
	goneSince time.Time
	you       *control.You
	flows     map[string]uint64 // of the tuples in the newest answer
	fresh     map[string]int    // how many letters each got since the one before
	longest   int               // the widest tuple that was drawn

	asking, again bool      // a question is under way; another one must follow
	asked         time.Time // when the newest question was
	watching      bool      // for an answer that is late
	waits         time.Time // since when an answer is waited for, where that is long; zero: it is not
	due           bool      // the next tick begins with its answer
}

func newModel(ctx context.Context, agent asker, every time.Duration, rate int, written func() uint64) *model {
	m := &model{ctx: ctx, agent: agent, written: written, pace: pace{every: every, rate: rate}, sort: control.SortScore, now: time.Now()}
	m.only[viewAlerts] = true
	m.blocks.key = func(b *control.BlockInfo) string { return b.ID }
	m.alerts.key = func(e *history.Event) string { return e.ID }
	m.tuples.key = func(t *control.TupleRow) string { return t.Tuple.String() }
	m.allows.key = func(a *control.Allow) string { return a.Network + string(a.From) }
	return m
}

// Init implements tea.Model: the first question is asked when the size is known.
func (m *model) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		first := m.width == 0
		m.width, m.height = min(msg.Width, maxWidth), min(msg.Height, maxHeight)
		m.clamp()
		if first {
			m.due = true
		}
		return m, m.ask()
	case tickMsg:
		m.due = true
		return m, m.ask()
	case slowMsg:
		return m, m.late()
	case answer:
		cmd := m.taken(msg)
		if !m.chosen && m.gone == nil {
			m.chosen = true
			if m.view == viewBlocks && m.blocks.total == 0 && m.status.Enforce.Wanted == 0 {
				return m, tea.Batch(cmd, m.show(viewTuples))
			}
		}
		return m, cmd
	case covering:
		m.learned(msg)
	case done:
		m.doing = false
		m.note, m.bad = msg.text, msg.err != nil
		if msg.err != nil {
			m.note = msg.err.Error()
		}
		return m, m.ask()
	case tea.KeyPressMsg:
		return m, m.key(msg)
	case tea.PasteMsg:
		if m.form != nil {
			m.form.paste(msg.Content)
		}
	}
	return m, nil
}

// The largest screen that is drawn: beyond it the rest stays empty.
const maxWidth, maxHeight = 1000, maxRows / 3

// say puts a note at the bottom.
func (m *model) say(bad bool, format string, args ...any) {
	m.note, m.bad = fmt.Sprintf(format, args...), bad
}

// show goes to a view.
func (m *model) show(v view) tea.Cmd {
	m.view, m.chosen, m.scroll = v, true, 0
	return m.ask()
}

// clamp keeps the list that is seen on the screen: its size may have changed, or that
// of what lies below.
func (m *model) clamp() {
	height := m.listHeight()
	switch m.view {
	case viewBlocks:
		m.blocks.clamp(height)
	case viewAlerts:
		m.alerts.clamp(height)
	case viewTuples:
		m.tuples.clamp(height)
	case viewAllowed:
		m.allows.clamp(height)
	}
}

// tuple gives the tuple that is looked at, and what lifts its block, if any.
func (m *model) tuple() (tuple string, b *control.BlockInfo) {
	switch {
	case m.explaining != "":
		if m.explanation != nil {
			b = m.explanation.Block
		}
		return m.explaining, b
	case m.view == viewBlocks:
		if b := m.blocks.selected(); b != nil {
			return b.Tuple.String(), b
		}
	case m.view == viewAlerts:
		if e := m.alerts.selected(); e != nil {
			return tupleOf(e), nil
		}
	case m.view == viewTuples:
		if t := m.tuples.selected(); t != nil {
			return t.Tuple.String(), nil
		}
	}
	return "", nil
}

// tupleOf gives the tuple that an event is about; empty: none.
func tupleOf(e *history.Event) string {
	switch {
	case e.Decision != nil:
		return e.Decision.Tuple.String()
	case e.Block != nil:
		return e.Block.Tuple.String()
	}
	return ""
}
