package terminal

import (
	"fmt"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/numbers"
	"slips-ips/argusfeed"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// list draws the list of the view, with its names above.
func (m *model) list() []string {
	height := m.listHeight()
	switch m.view {
	case viewBlocks:
		empty := "nothing is blocked; 3 shows what the agent sees"
		if m.filter.text != "" {
			empty = "no block of that"
		}
		return drawList(m, &m.blocks, height, m.blockColumns(), m.blockRow, empty)
	case viewAlerts:
		return drawList(m, &m.alerts, height, m.alertColumns(), m.alertRow, "nothing has been detected")
	case viewTuples:
		empty := "no flow has come yet; 5 shows how the feeds are"
		if m.filter.text != "" || m.only[viewTuples] {
			empty = "no tuple of that kind"
		}
		return drawList(m, &m.tuples, height, m.tupleColumns(), m.tupleRow, empty)
	}
	return drawList(m, &m.allows, height, m.allowColumns(), m.allowRow, "nothing is allowed")
}

// column is one column of a list.
type column struct {
	name  string
	width int
	right bool
}

// cell is what stands in a column; cells that are coloured in parts are lines.
type cell = line

// between lies between columns, mark before the first one.
const between, mark = 1, 2

// drawList draws the part of a list that is on the screen.
func drawList[T any](m *model, l *list[T], height int, columns []column, row func(*T) []cell, empty string) []string {
	names := words(base, "  ")
	for i, c := range columns {
		if i > 0 {
			names.add(base, " ")
		}
		names.add(faint, fit(c.name, c.width, c.right))
	}
	lines := []string{names.render(m.width)}
	for i := range height {
		at := l.top + i
		r := l.row(at)
		switch {
		case l.failed != "" && i == 0:
			lines = append(lines, words(red, plain(l.failed)).render(m.width))
		case l.known && l.total == 0 && i == 0:
			lines = append(lines, words(faint, "  "+empty).render(m.width))
		case r == nil && at < l.total:
			lines = append(lines, words(faint, "  ...").render(m.width))
		case r == nil || l.failed != "":
			lines = append(lines, "")
		case at == l.cursor:
			lines = append(lines, together("> ", columns, row(r)).flat(selected, m.width))
		default:
			lines = append(lines, together("  ", columns, row(r)).render(m.width))
		}
	}
	return lines
}

// together puts cells into their columns.
func together(begin string, columns []column, cells []cell) line {
	l := words(base, begin)
	for i, c := range columns {
		if i > 0 {
			l.add(base, " ")
		}
		width := cells[i].width()
		pad := fmt.Sprintf("%*s", max(0, c.width-width), "")
		if c.right {
			l.add(base, pad)
		}
		if width <= c.width {
			l = append(l, cells[i]...)
		} else { // one part, which is cut
			l.add(cells[i][0].style, cut(textOf(cells[i]), c.width))
		}
		if !c.right && i < len(columns)-1 {
			l.add(base, pad)
		}
	}
	return l
}

// share divides what is left of the width: the tuple gets what the longest one has
// needed so far, the rest of it the last column, at least so many.
func (m *model) share(columns []column, tuple int, last int) []column {
	left := m.width - mark
	for _, c := range columns {
		left -= c.width + between
	}
	need := max(28, m.longest)
	end := len(columns) - 1
	columns[tuple].width = max(10, min(need, left-last+columns[tuple].width))
	columns[end].width = max(0, m.width-mark-widths(columns[:end]))
	return columns
}

// widths is what columns and what lies behind them take.
func widths(columns []column) int {
	n := 0
	for _, c := range columns {
		n += c.width + between
	}
	return n
}

// long remembers how wide the widest tuple was: columns that shrink again would be
// drawn anew.
func (m *model) long(tuple string) { m.longest = max(m.longest, widthOf(plain(tuple))) }

func one(style look, text string) cell { return words(style, text) }

// wideScreen is from where on there is room for one more column.
const wideScreen = 120

func (m *model) blockColumns() []column {
	c := []column{{name: "STATE", width: 8}, {name: "LEFT", width: 6, right: true}, {name: "PACKETS", width: 8, right: true}, {name: "TUPLE"}}
	if m.width >= wideScreen {
		c = append(c, column{name: "LABEL", width: 38}, column{name: "WHY"})
		return m.share(c, 3, 16)
	}
	c = append(c, column{name: "LABEL"})
	return m.share(c, 3, 16)
}

func (m *model) blockRow(b *control.BlockInfo) []cell {
	packets := ""
	if b.Hits != nil {
		packets = numbers.Grouped(b.Hits.Packets)
	}
	cells := []cell{one(stateStyle(b.State), stateWord(b.State)), one(base, numbers.Left(b.Until.Sub(m.now))), one(base, packets), one(base, plain(b.Tuple.String()))}
	if m.width >= wideScreen {
		return append(cells, one(base, label(b.Label, 38)), one(base, plain(whyBlock(b))))
	}
	return append(cells, one(base, label(b.Label, m.blockColumns()[4].width)))
}

// whyBlock says why there is a block.
func whyBlock(b *control.BlockInfo) string {
	why := b.Reason
	if why == "" {
		why = "the reason is not remembered"
	}
	if b.By != nil {
		why = "by " + b.By.Words() + ": " + why
	}
	return why
}

// stateWord says in what state a block is.
func stateWord(s enforce.State) string {
	switch s {
	case enforce.StateMissing:
		return "MISSING"
	case enforce.StateWouldBlock:
		return "would"
	}
	return plain(string(s))
}

func stateStyle(s enforce.State) look {
	switch s {
	case enforce.StateMissing:
		return alarm
	case enforce.StateWouldBlock:
		return yellow
	}
	return red
}

// label shortens a label: its end tells more than its beginning.
func label(s string, width int) string {
	s = plain(s)
	if over := widthOf(s) - width; over > 0 && width > 2 {
		r := []rune(s)
		for len(r) > 0 && widthOf(string(r)) > width-2 {
			r = r[1:]
		}
		return ".." + string(r)
	}
	return s
}

func (m *model) alertColumns() []column {
	c := []column{{name: "TIME", width: 16}, {name: "KIND", width: 6}, {name: "TUPLE"}, {name: "WHAT"}}
	return m.share(c, 2, 22)
}

func (m *model) alertRow(e *history.Event) []cell {
	style := base
	switch {
	case e.Error != "":
		style = redBold
	case e.Kind == history.KindBlock:
		style = red
	case e.Kind == history.KindAlert:
		style = yellow
	}
	tuple, what := tupleOf(e), plain(whatHappened(e))
	if tuple == "" {
		tuple, what = what, ""
	}
	return []cell{one(base, clock(e.Time, m.now)), one(style, plain(string(e.Kind))), one(base, plain(tuple)), one(base, what)}
}

// whatHappened tells an event in a few words.
func whatHappened(e *history.Event) string {
	d := e.Decision
	what := e.Text
	switch {
	case e.Kind == history.KindLift && e.Block != nil:
		what = "ended: " + string(e.Block.End)
	case d == nil:
	case e.Error != "":
		what = "NOT blocked: " + e.Error
	case e.Kind == history.KindAlert:
		what = fmt.Sprintf("only told (%s) %s", d.Rule, d.Label)
	case e.Kind == history.KindBlock:
		word := "blocked"
		if e.Block != nil && e.Block.DryRun {
			word = "would block"
		} else if d.Renewal {
			word = "renewed"
		}
		what = fmt.Sprintf("%s %s %s", word, numbers.Duration(d.Duration), d.Label)
	}
	if e.By != nil {
		what += " by " + e.By.Words()
	}
	return what
}

func (m *model) tupleColumns() []column {
	c := []column{{name: "STATE", width: 8}, {name: "TUPLE"}, {name: "FLOWS", width: 7, right: true}, {name: "SCORE", width: 6, right: true}}
	if m.width >= wideScreen {
		c = append(c, column{name: "LABEL", width: 38})
	}
	c = append(c, column{name: "LETTERS"})
	return m.share(c, 1, 20)
}

func (m *model) tupleRow(t *control.TupleRow) []cell {
	state := one(base, "")
	switch {
	case t.Block != "":
		state = one(stateStyle(t.Block), stateWord(t.Block))
	case t.Label != "":
		state = one(yellow, "detected")
	}
	points := ""
	if t.Label != "" {
		points = numbers.Score(t.Score)
	}
	text := plain(t.Tuple.String())
	cells := []cell{state, one(base, text), one(base, numbers.Grouped(t.Flows)), one(base, points)}
	if m.width >= wideScreen {
		cells = append(cells, one(base, label(t.Label, 38)))
	}
	columns := m.tupleColumns()
	return append(cells, letters(t.Letters, t.Cut, m.fresh[t.Tuple.String()], columns[len(columns)-1].width))
}

func (m *model) allowColumns() []column {
	c := []column{{name: "FROM", width: 6}, {name: "NETWORK"}, {name: "UNTIL", width: 16}, {name: "BY", width: 10}, {name: "COMMENT"}}
	return m.share(c, 1, 16)
}

func (m *model) allowRow(a *control.Allow) []cell {
	until := "always"
	if !a.Until.IsZero() {
		until = clock(a.Until, m.now)
	}
	style := faint // what cannot be changed here
	if a.From == control.FromAllow {
		style = base
	}
	return []cell{one(style, plain(string(a.From))), one(style, plain(a.Network)), one(style, until), one(style, plain(a.By)), one(style, plain(a.Comment))}
}

// wholeTuple says in words what a block of a scope covers.
func wholeTuple(b *control.BlockInfo) string {
	t := b.Tuple
	switch b.Scope {
	case policy.ScopePair:
		return fmt.Sprintf("everything between %s and %s", t.Src, t.Dst)
	case policy.ScopeDestination:
		return fmt.Sprintf("everything to and from %s", t.Dst)
	case policy.ScopeSource:
		return fmt.Sprintf("everything to and from %s (quarantine)", t.Src)
	}
	return inWords(t)
}

// inWords writes a tuple for people.
func inWords(t argusfeed.Tuple) string {
	port := t.Port.String()
	if port != "" {
		port = " port " + port
	}
	return fmt.Sprintf("%s to %s%s, %s", t.Src, t.Dst, port, t.Proto)
}

// since tells how long ago something was.
func (m *model) since(t time.Time) string { return numbers.Ago(t, m.now) }
