package terminal

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/status"
)

// asker is the agent, as far as this package asks it: a [control.Client].
type asker interface {
	Index(context.Context) (control.Index, error)
	Status(context.Context) (status.Status, error)
	Tuples(context.Context, control.TupleQuery) (control.TupleList, error)
	Blocks(context.Context, control.BlockQuery) (control.BlockList, error)
	Events(context.Context, history.Query) (history.Page, error)
	Allows(context.Context) ([]control.Allow, error)
	ExplainTuple(context.Context, string) (control.Explanation, error)

	AddBlock(ctx context.Context, b control.NewBlock) (control.BlockInfo, error)
	RemoveBlock(ctx context.Context, idOrTuple string) (control.BlockInfo, error)
	AddAllow(context.Context, control.Allow) (control.AllowResult, error)
	RemoveAllow(ctx context.Context, network string) (control.Allow, error)
}

// askTime is how long an answer is waited for. The agent itself gives up after 20
// seconds.
const askTime = 30 * time.Second

// question is what the screen needs now.
type question struct {
	view          view
	offset, limit int
	letters       int
	filter        filter
	sort          control.TupleSort
	only          bool // detected tuples only, or alerts and blocks only
	explain       string
	rights        bool // whether this user may change anything is not known yet
}

// answer is the answer to a question. Where failed is set the agent does not
// answer at all; missing says why it has not what was asked for.
type answer struct {
	q       question
	status  status.Status
	failed  error
	missing error
	you     *control.You

	blocks  control.BlockList
	events  []history.Event
	more    bool // there are older events
	tuples  control.TupleList
	allows  []control.Allow
	explain *control.Explanation
	// unknown is why there is no explanation.
	unknown error
}

// get asks the agent.
func (q question) get(ctx context.Context, a asker) answer {
	ctx, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	r := answer{q: q}
	if r.status, r.failed = a.Status(ctx); r.failed != nil {
		return r
	}
	if q.rights {
		index, err := a.Index(ctx)
		if err != nil {
			r.failed = err
			return r
		}
		r.you = &index.You
	}
	if q.explain != "" {
		e, err := a.ExplainTuple(ctx, q.explain)
		if err != nil {
			r.unknown = err
		} else {
			r.explain = &e
		}
	}
	switch q.view {
	case viewBlocks:
		r.blocks, r.missing = a.Blocks(ctx, control.BlockQuery{Match: q.filter.match, Host: q.filter.host, Offset: q.offset, Limit: q.limit})
	case viewAlerts:
		r.events, r.more, r.missing = q.events(ctx, a)
	case viewTuples:
		r.tuples, r.missing = a.Tuples(ctx, control.TupleQuery{Match: q.filter.match, Host: q.filter.host, Label: q.filter.label, MinFlows: q.filter.flows,
			Detected: q.only, Sort: q.sort, Offset: q.offset, Limit: q.limit, Letters: q.letters})
	case viewAllowed:
		r.allows, r.missing = a.Allows(ctx)
	}
	if errors.Is(r.missing, control.ErrNotRunning) {
		r.failed = r.missing
	}
	return r
}

// maxEvents is how many of the newest events are shown: `slips-ips alerts` has all.
const maxEvents = 1000

// events gives the newest ones. The history has no place to begin at but an event,
// so they are asked for from the newest on.
func (q question) events(ctx context.Context, a asker) ([]history.Event, bool, error) {
	h := history.Query{Host: q.filter.host, Label: q.filter.label, Limit: min(q.offset+q.limit, maxEvents)}
	if q.only {
		h.Kinds = []history.Kind{history.KindAlert, history.KindBlock}
	}
	page, err := a.Events(ctx, h)
	return page.Events, page.Next != "", err
}

// tickMsg says that it is time to ask again.
type tickMsg struct{}

// slowTime is from when on the screen says that an answer is waited for: what is on it
// gets old meanwhile.
const slowTime = 5 * time.Second

// slowMsg says that it is time to look whether an answer is late.
type slowMsg struct{}

// watch looks after a while whether an answer is late. One look is enough for all
// questions.
func (m *model) watch(after time.Duration) tea.Cmd {
	if m.watching {
		return nil
	}
	m.watching = true
	return tea.Tick(after, func(time.Time) tea.Msg { return slowMsg{} })
}

// late marks that the question under way has no answer for long, or looks again.
func (m *model) late() tea.Cmd {
	m.watching = false
	if !m.asking {
		return nil
	}
	if rest := slowTime - time.Since(m.asked); rest > 0 {
		return m.watch(rest)
	}
	m.waits = m.asked
	return nil
}

// ask asks, unless a question is under way: then the next one follows the answer.
func (m *model) ask() tea.Cmd {
	if m.asking {
		m.again = true
		return nil
	}
	m.asking, m.again = true, false
	m.asked = time.Now()
	q := m.question()
	return tea.Batch(func() tea.Msg { return q.get(m.ctx, m.agent) }, m.watch(slowTime))
}

// question gives what the screen needs now.
func (m *model) question() question {
	q := question{view: m.view, filter: m.filter, sort: m.sort, only: m.only[m.view], explain: m.explaining, rights: m.you == nil,
		letters: min(max(m.width, 16), control.MaxLetters)}
	height := m.listHeight()
	switch m.view {
	case viewBlocks:
		q.offset, q.limit = m.blocks.wanted(height)
	case viewAlerts:
		q.offset, q.limit = m.alerts.wanted(height)
	case viewTuples:
		q.offset, q.limit = m.tuples.wanted(height)
	}
	return q
}

// taken handles an answer.
func (m *model) taken(r answer) tea.Cmd {
	m.asking, m.waits = false, time.Time{}
	switch {
	case r.failed != nil:
		m.now = time.Now()
		if m.gone == nil {
			m.goneSince = m.now
		}
		m.gone = r.failed
	default:
		m.answered(&r)
	}
	var cmds []tea.Cmd
	if m.due {
		m.due = false
		cmds = append(cmds, tea.Tick(m.pace.next(m.written(), time.Now()), func(time.Time) tea.Msg { return tickMsg{} }))
	}
	if m.again && r.failed == nil {
		cmds = append(cmds, m.ask())
	}
	m.again = false
	return tea.Batch(cmds...)
}

// answered puts an answer on the screen.
func (m *model) answered(r *answer) {
	before := m.status
	switch back := m.gone != nil; {
	case !before.Started.IsZero() && !before.Started.Equal(r.status.Started):
		m.say(false, "the agent was started anew, process %d", r.status.PID)
		m.you, m.flows = nil, nil
	case back:
		m.say(false, "the agent answers again")
		m.you = nil
	}
	m.status, m.gone, m.now = r.status, nil, r.status.Now
	if r.you != nil {
		m.you = r.you
	}
	if r.q.explain != "" && r.q.explain == m.explaining {
		m.explanation, m.unknown = r.explain, r.unknown
	}
	// What was asked for another view, filter or order is of no use any more.
	if r.q.view != m.view || r.q.filter != m.filter || r.q.sort != m.sort || r.q.only != m.only[m.view] {
		m.again = true
		return
	}
	height := m.listHeight()
	if r.missing != nil {
		m.failed(r.missing)
		return
	}
	switch r.q.view {
	case viewBlocks:
		for i := range r.blocks.Blocks {
			m.long(covered(&r.blocks.Blocks[i]))
		}
		m.blocks.take(r.blocks.Blocks, r.q.offset, r.blocks.Matching, height)
		m.again = m.again || lacking(&m.blocks, r.q, height)
	case viewAlerts:
		m.older = r.more
		for i := range r.events {
			m.long(tupleOf(&r.events[i]))
		}
		m.alerts.take(r.events, 0, len(r.events), height)
	case viewTuples:
		m.grown(r.tuples.Tuples)
		for i := range r.tuples.Tuples {
			m.long(r.tuples.Tuples[i].Tuple.String())
		}
		m.tuples.take(r.tuples.Tuples, r.q.offset, r.tuples.Matching, height)
		m.again = m.again || lacking(&m.tuples, r.q, height)
	case viewAllowed:
		m.allows.take(r.allows, 0, len(r.allows), height)
	}
}

// lacking tells whether the screen needs rows that its answer has not, as when the
// list has become shorter; the same question would only get the same answer.
func lacking[T any](l *list[T], q question, height int) bool {
	offset, limit := l.wanted(height)
	return l.lacks(height) && (offset != q.offset || limit != q.limit)
}

// failed keeps why a list is not there.
func (m *model) failed(err error) {
	switch m.view {
	case viewBlocks:
		m.blocks.failed = err.Error()
	case viewAlerts:
		m.alerts.failed = err.Error()
	case viewTuples:
		m.tuples.failed = err.Error()
	case viewAllowed:
		m.allows.failed = err.Error()
	}
}

// grown finds out which letters came since the answer before. At most maxRows
// tuples are remembered for that.
func (m *model) grown(rows []control.TupleRow) {
	flows := make(map[string]uint64, len(rows))
	m.fresh = make(map[string]int, len(rows))
	for i := range rows {
		t := rows[i].Tuple.String()
		flows[t] = rows[i].Flows
		if had, ok := m.flows[t]; ok && rows[i].Flows > had {
			m.fresh[t] = int(min(rows[i].Flows-had, maxRows))
		}
	}
	m.flows = flows
}
