package terminal

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/numbers"
	"slips-ips/enforce"
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

// moment writes a time in a list: of another day only the day, where there is not more
// room.
func (m *model) moment(t time.Time) string {
	when := clock(t, m.now)
	if day, _, other := strings.Cut(when, " "); other && m.narrow() {
		return day
	}
	return when
}

func (m *model) blockColumns() []column {
	c := []column{{name: "STATE", width: 8}, {name: "LEFT", width: 6, right: true}}
	if m.narrow() {
		return m.share(append(c, column{name: "WHAT"}, column{name: "LABEL"}), 2, 0)
	}
	c = append(c, column{name: "PACKETS", width: 8, right: true}, column{name: "WHAT"})
	if m.width >= wideScreen {
		c = append(c, column{name: "LABEL", width: 38}, column{name: "WHY"})
		return m.share(c, 3, 16)
	}
	return m.share(append(c, column{name: "LABEL"}), 3, 16)
}

func (m *model) blockRow(b *control.BlockInfo) []cell {
	packets := ""
	if b.Hits != nil {
		packets = numbers.Grouped(b.Hits.Packets)
	}
	cells := []cell{stateCell(b.State), one(base, numbers.Left(b.Until.Sub(m.now)))}
	if !m.narrow() {
		cells = append(cells, one(base, packets))
	}
	cells = append(cells, one(base, plain(covered(b))))
	columns := m.blockColumns()
	if m.width >= wideScreen {
		// The label stands beside it already.
		why := strings.TrimPrefix(whyBlock(b), "matches "+b.Label+" ")
		return append(cells, one(base, label(b.Label, 38)), one(base, plain(why)))
	}
	return append(cells, one(base, label(b.Label, columns[len(columns)-1].width)))
}

// whyBlock says why there is a block.
func whyBlock(b *control.BlockInfo) string {
	why := b.Reason
	if why == "" {
		why = "the reason is not remembered"
	}
	if b.By != nil {
		who := b.By.Words()
		if rest, ok := afterName(why); ok {
			return "asked for by " + who + rest
		}
		why = "by " + who + ": " + why
	}
	return why
}

// afterName gives what follows the name in the reason of a block by hand, which has it
// shorter than it is known.
func afterName(reason string) (rest string, ok bool) {
	if rest, ok = strings.CutPrefix(reason, "asked for by "); !ok {
		return "", false
	}
	if quoted, err := strconv.QuotedPrefix(rest); err == nil {
		return rest[len(quoted):], true
	}
	end := strings.IndexAny(rest, " ;")
	if end < 0 {
		end = len(rest)
	}
	return rest[end:], true
}

// stateCell is the state of a block in a list: of its words the first, which tells it
// from the others.
func stateCell(s enforce.State) cell {
	word, _, _ := strings.Cut(stateWords(s), " ")
	return one(stateStyle(s), word)
}

// stateWords says in what state a block is.
func stateWords(s enforce.State) string {
	switch s {
	case enforce.StateMissing:
		return "MISSING in the kernel"
	case enforce.StateWouldBlock:
		return "would be blocked"
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
	if m.narrow() {
		return m.share([]column{{name: "TIME", width: 10}, {name: "KIND", width: 6}, {name: "TUPLE"}, {name: "WHAT"}}, 2, 0)
	}
	return m.share([]column{{name: "TIME", width: 16}, {name: "KIND", width: 6}, {name: "TUPLE"}, {name: "WHAT"}}, 2, 22)
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
	tuple := tupleOf(e)
	columns := m.alertColumns()
	what := plain(whatHappened(e, columns[len(columns)-1].width))
	if tuple == "" {
		tuple, what = what, ""
	}
	return []cell{one(base, m.moment(e.Time)), one(style, plain(string(e.Kind))), one(base, plain(tuple)), one(base, what)}
}

// shortText is the text of an event without the reason of its decision, which is told
// apart from it.
func shortText(e *history.Event) string {
	if e.Decision == nil {
		return e.Text
	}
	return strings.TrimSuffix(e.Text, ": "+e.Decision.Reason)
}

// ends say in words why a block ended.
var ends = map[history.End]string{
	history.EndExpired: "it ran out", history.EndLifted: "lifted by hand", history.EndProtected: "protected now",
	history.EndPolicy: "the policy changed", history.EndGone: "gone from the kernel",
}

// whatHappened tells an event in a few words, and of a label as much of its end as the
// width has room for.
func whatHappened(e *history.Event, width int) string {
	d := e.Decision
	what := e.Text
	switch {
	case e.Kind == history.KindLift && e.Block != nil:
		what = "ended: " + cmp.Or(ends[e.Block.End], string(e.Block.End))
	case d == nil:
	case e.Error != "":
		what = "NOT blocked: " + e.Error
	case e.Kind == history.KindAlert:
		told := fmt.Sprintf("only told (%s) ", d.Rule)
		if width-widthOf(told) < leastLabel {
			told = "only told "
		}
		what = withLabel(told, d.Label, width)
	case e.Kind == history.KindBlock:
		word := "blocked"
		if e.Block != nil && e.Block.DryRun {
			word = "would block"
		} else if d.Renewal {
			word = "renewed"
		}
		what = withLabel(word+" "+numbers.Duration(d.Duration)+" ", d.Label, width)
	}
	if e.By != nil {
		what += " by " + e.By.Words()
	}
	return what
}

// leastLabel is what a label should have to be told from others.
const leastLabel = 14

// withLabel puts a label behind words.
func withLabel(before, name string, width int) string {
	return before + label(name, max(width-widthOf(before), 0))
}

func (m *model) tupleColumns() []column {
	c := []column{{name: "STATE", width: 8}, {name: "TUPLE"}, {name: "FLOWS", width: 7, right: true}}
	if m.narrow() {
		return m.share(append(c, column{name: "LETTERS"}), 1, 0)
	}
	c = append(c, column{name: "SCORE", width: 6, right: true})
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
		state = stateCell(t.Block)
	case t.Label != "":
		state = one(yellow, "detected")
	}
	points := ""
	if t.Label != "" {
		points = numbers.Score(t.Score)
	}
	text := plain(t.Tuple.String())
	cells := []cell{state, one(base, text), one(base, numbers.Grouped(t.Flows))}
	if !m.narrow() {
		cells = append(cells, one(base, points))
	}
	if m.width >= wideScreen {
		cells = append(cells, one(base, label(t.Label, 38)))
	}
	columns := m.tupleColumns()
	return append(cells, letters(t.Letters, t.Cut, m.fresh[t.Tuple.String()], columns[len(columns)-1].width))
}

func (m *model) allowColumns() []column {
	if m.narrow() {
		return m.share([]column{{name: "FROM", width: 6}, {name: "NETWORK"}, {name: "UNTIL", width: 10}, {name: "COMMENT"}}, 1, 0)
	}
	return m.share([]column{{name: "FROM", width: 6}, {name: "NETWORK"}, {name: "UNTIL", width: 16}, {name: "BY", width: 10}, {name: "COMMENT"}}, 1, 16)
}

func (m *model) allowRow(a *control.Allow) []cell {
	until := "always"
	if !a.Until.IsZero() {
		until = m.moment(a.Until)
	}
	style := faint // what cannot be changed here
	if a.From == control.FromAllow {
		style = base
	}
	cells := []cell{one(style, plain(string(a.From))), one(style, plain(a.Network)), one(style, until)}
	if !m.narrow() {
		cells = append(cells, one(style, plain(a.By)))
	}
	return append(cells, one(style, plain(a.Comment)))
}

// since tells how long ago something was.
func (m *model) since(t time.Time) string { return numbers.Ago(t, m.now) }
