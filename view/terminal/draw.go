package terminal

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// The screen, from the top:
//
//	what runs, in which mode, what is blocked
//	the worst problem
//	feeds and budgets
//	the views
//	a list and, below a rule, more of what is selected; or a text; or a form
//	a note
//	the keys
const (
	headLines = 4
	footLines = 2
	// least is the smallest screen on which that is of any use.
	leastWidth, leastHeight = 40, 12
	// bottomLines is how much of a high screen is below the list, the rule included.
	bottomLines, bottomOfHigh = 6, 8
	lowScreen, highScreen     = 18, 40
)

// open tells whether something must be seen below the list, or below a text: a
// question, a form, or a note that is too long for its line.
func (m *model) open() bool { return m.form != nil || m.confirm != nil || m.longNote() }

func (m *model) longNote() bool { return widthOf(plain(m.note)) > m.width }

// bottomHeight is how many lines lie below the list.
func (m *model) bottomHeight() int {
	n := bottomLines
	switch {
	case m.height < lowScreen && !m.open():
		return 0
	case m.height >= highScreen:
		n = bottomOfHigh
	}
	most := m.height - headLines - footLines - 2
	switch {
	case m.confirm != nil:
		n = max(n, len(m.confirmLines()))
	case m.form != nil:
		n = max(n, 1+len(m.form.fields)+len(m.wrongLines()))
	case m.longNote():
		n = max(n, len(m.noteLines()))
	default: // what a short list leaves free
		free := most + 1 - max(1, m.total())
		n = max(n, min(1+len(m.details()), free))
	}
	return min(n, most)
}

// total is how many rows the list of the view has.
func (m *model) total() int {
	switch m.view {
	case viewBlocks:
		return m.blocks.total
	case viewAlerts:
		return m.alerts.total
	case viewTuples:
		return m.tuples.total
	}
	return m.allows.total
}

// listHeight is how many rows of a list are seen.
func (m *model) listHeight() int {
	return max(1, m.height-headLines-footLines-1-m.bottomHeight())
}

// textHeight is how many lines of a text are seen.
func (m *model) textHeight() int {
	n := m.height - headLines - footLines
	if m.open() {
		n -= m.bottomHeight()
	}
	return max(1, n)
}

// View implements tea.Model.
func (m *model) View() tea.View {
	v := tea.View{AltScreen: true, DisableBracketedPasteMode: false}
	v.Content = strings.Join(m.screen(), "\n")
	return v
}

// screen gives the lines of the screen, as many as there are on it.
func (m *model) screen() []string {
	switch {
	case m.width == 0:
		return nil
	case m.width < leastWidth || m.height < leastHeight:
		return []string{cut(fmt.Sprintf("too small: %dx%d at least", leastWidth, leastHeight), m.width)}
	}
	m.clamp() // what opens below the list must not lie over what is selected
	lines := make([]string, 0, m.height)
	for _, l := range m.head() {
		lines = append(lines, l.render(m.width))
	}
	if m.help || m.explaining != "" || m.view == viewHealth {
		height := m.textHeight()
		text := m.text()
		m.scroll = max(0, min(m.scroll, len(text)-height))
		for i := range height {
			l := line{}
			if at := m.scroll + i; at < len(text) {
				l = text[at]
			}
			lines = append(lines, l.render(m.width))
		}
		if !m.open() {
			return append(lines, m.foot()...)
		}
	} else {
		lines = append(lines, m.list()...)
	}
	if n := m.bottomHeight(); n > 0 {
		bottom := m.bottom(n)
		for i := range n {
			l := line{}
			if i < len(bottom) {
				l = bottom[i]
			}
			lines = append(lines, l.render(m.width))
		}
	}
	return append(lines, m.foot()...)
}

// text gives the lines of what is a text and no list.
func (m *model) text() []line {
	switch {
	case m.help:
		return helpText(m.width)
	case m.explaining != "":
		return m.explained()
	}
	return m.healthText()
}

// bottom gives what lies below the list: a question, a form, or more of what is
// selected.
func (m *model) bottom(height int) []line {
	switch {
	case m.confirm != nil:
		lines := m.confirmLines()
		// The keys are seen whatever there is to say.
		keys := len(lines) - 1
		lines[min(keys, height-1)] = lines[keys]
		return lines[:min(len(lines), height)]
	case m.form != nil:
		return m.formLines(height)
	case m.longNote():
		return within(m.noteLines(), height, m.width)
	}
	return append([]line{m.rule("selected")}, within(m.details(), height-1, m.width)...)
}

// noteLines are a note that is too long for its line.
func (m *model) noteLines() []line {
	lines := []line{m.rule("answer")}
	for _, s := range wrap(plain(m.note), m.width) {
		lines = append(lines, words(m.noteStyle(), s))
	}
	return lines
}

// rule is a line with a title in it.
func (m *model) rule(title string) line {
	l := words(faint, "-- ")
	l.add(bold, title)
	l.add(faint, " "+strings.Repeat("-", max(0, m.width-4-widthOf(title))))
	return l
}

func (m *model) confirmLines() []line {
	lines := []line{m.rule("really?")}
	keys := words(bold, "y")
	keys.add(base, " yes, do it    ")
	keys.add(bold, "n")
	keys.add(base, " no")
	for _, s := range wrap(plain(m.confirm.asks), m.width) {
		lines = append(lines, words(bold, s))
	}
	for _, s := range wrap(plain(m.confirm.what), m.width) {
		lines = append(lines, words(base, s))
	}
	return append(lines, keys)
}

func (m *model) noteStyle() look {
	if m.bad {
		return redBold
	}
	return base
}

// foot gives the note and the keys.
func (m *model) foot() []string {
	note := m.note
	if m.longNote() {
		note = ""
	}
	keys := line{}
	add := func(key, does string) {
		l := words(bold, key)
		l.add(faint, " "+does+"  ")
		room := m.width - keys.width()
		if m.form == nil && key != "?" && key != "q" && key != "d" {
			room -= len("? help  ") // which tells of those that have no room here
		}
		if l.width() <= room {
			keys = append(keys, l...)
		}
	}
	switch {
	case m.confirm != nil:
	case m.form != nil && m.form.apply != nil:
		add("enter", "show")
		add("esc", "leave it")
	case m.form != nil:
		add("enter", "next, then asks")
		add("tab", "field")
		if len(m.form.fields[m.form.at].choices) > 0 {
			add("space", "another")
		}
		if m.form.swap != nil {
			add("ctrl+t", "other end")
		}
		add("esc", "leave it")
	case m.help:
		add("esc", "back")
		add("up/down", "move")
	default:
		if m.explaining != "" {
			add("esc", "back")
		} else if m.view != viewHealth && m.view != viewAllowed {
			add("enter", "why")
		}
		if m.you == nil || m.you.Change {
			switch {
			case m.view == viewAllowed && m.explaining == "":
				add("u", "end the entry")
			case m.view != viewHealth || m.explaining != "":
				add("u", "unblock")
			}
			add("a", "allow")
			add("b", "block")
		}
		if m.explaining == "" && m.view != viewHealth && m.view != viewAllowed {
			add("/", "filter")
		}
		if m.explaining == "" && m.view == viewTuples {
			add("s", "sort")
		}
		add("?", "help")
		add("q", "quit")
		switch {
		case m.explaining != "":
		case m.view == viewTuples:
			add("d", "detected only")
		case m.view == viewAlerts:
			add("d", "all events")
		}
	}
	return []string{words(m.noteStyle(), plain(note)).render(m.width), keys.render(m.width)}
}
