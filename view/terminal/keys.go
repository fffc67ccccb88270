package terminal

import (
	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/control"
)

// key answers a key.
func (m *model) key(k tea.KeyPressMsg) tea.Cmd {
	s := k.String()
	if s == "ctrl+c" {
		return tea.Quit
	}
	switch {
	case m.confirm != nil:
		return m.answerKey(s)
	case m.form != nil:
		return m.formKey(k)
	}
	m.note, m.bad = "", false
	if cmd, ok := m.everywhere(s); ok {
		return cmd
	}
	if m.help || m.explaining != "" || m.view == viewHealth {
		m.scrollKey(s)
		return nil
	}
	return m.listKey(s)
}

// everywhere answers the keys that mean the same in each view.
func (m *model) everywhere(s string) (tea.Cmd, bool) {
	switch s {
	case "q":
		if m.help || m.explaining != "" {
			return m.back(), true
		}
		return tea.Quit, true
	case "ctrl+z":
		return tea.Suspend, true
	case "ctrl+l":
		return tea.ClearScreen, true
	case "esc":
		return m.back(), true
	case "?":
		m.help, m.scroll = !m.help, 0
		return nil, true
	case "r":
		return m.ask(), true
	case "+", "-":
		m.faster(s == "+")
		return nil, true
	case "u":
		return m.beginUnblock(), true
	case "a":
		return m.beginAllow(), true
	case "b":
		return m.beginBlock(), true
	}
	if m.help || m.explaining != "" {
		return nil, false
	}
	switch s {
	case "1", "2", "3", "4", "5":
		return m.show(view(s[0] - '1')), true
	case "tab", "right", "l":
		return m.show((m.view + 1) % views), true
	case "shift+tab", "left", "h":
		return m.show((m.view + views - 1) % views), true
	case "/":
		if m.view >= viewAllowed {
			m.say(false, "blocks, alerts and tuples can be filtered (1, 2, 3)")
			return nil, true
		}
		return m.beginFilter(), true
	case "s":
		if m.view != viewTuples {
			m.say(false, "tuples have orders (3); blocks and alerts are listed the newest first")
			return nil, true
		}
		m.sort = nextSort(m.sort)
		m.tuples.reset()
		return m.ask(), true
	case "d":
		return m.toggle(), true
	}
	return nil, false
}

// back leaves what lies over the list, or else ends the filter.
func (m *model) back() tea.Cmd {
	switch {
	case m.help:
		m.help, m.scroll = false, 0
	case m.explaining != "":
		m.explaining, m.explanation, m.unknown, m.scroll = "", nil, nil, 0
		return m.ask()
	case m.filter.text != "":
		return m.use(filter{})
	}
	return nil
}

// use puts a filter in force.
func (m *model) use(f filter) tea.Cmd {
	m.filter = f
	m.blocks.reset()
	m.alerts.reset()
	m.tuples.reset()
	return m.ask()
}

// toggle shows less or more in a list.
func (m *model) toggle() tea.Cmd {
	switch m.view {
	case viewAlerts:
		m.alerts.reset()
	case viewTuples:
		m.tuples.reset()
	default:
		m.say(false, "d is for tuples (detected ones only) and alerts (all kinds of events)")
		return nil
	}
	m.only[m.view] = !m.only[m.view]
	return m.ask()
}

var sorts = []control.TupleSort{control.SortScore, control.SortLast, control.SortFlows, control.SortDetections}

func nextSort(s control.TupleSort) control.TupleSort {
	for i, have := range sorts {
		if have == s {
			return sorts[(i+1)%len(sorts)]
		}
	}
	return sorts[0]
}

// listKey answers the keys of a list.
func (m *model) listKey(s string) tea.Cmd {
	if s == "enter" {
		return m.beginExplain()
	}
	height := m.listHeight()
	by, ok := steps(s, height)
	if !ok {
		return nil
	}
	lacks := false
	switch m.view {
	case viewBlocks:
		m.blocks.move(by, height)
		lacks = m.blocks.lacks(height)
	case viewAlerts:
		m.alerts.move(by, height)
	case viewTuples:
		m.tuples.move(by, height)
		lacks = m.tuples.lacks(height)
	case viewAllowed:
		m.allows.move(by, height)
	}
	if lacks || m.view == viewAlerts && m.older {
		return m.ask()
	}
	return nil
}

// steps gives how far a key goes on a screen of that many rows.
func steps(s string, height int) (by int, ok bool) {
	const far = 1 << 30
	switch s {
	case "down", "j":
		return 1, true
	case "up", "k":
		return -1, true
	case "pgdown", "ctrl+f", "space":
		return max(1, height-1), true
	case "pgup", "ctrl+b":
		return -max(1, height-1), true
	case "home", "g":
		return -far, true
	case "end", "G":
		return far, true
	}
	return 0, false
}

// scrollKey moves a text.
func (m *model) scrollKey(s string) {
	height := m.textHeight()
	if by, ok := steps(s, height); ok {
		m.scroll = max(0, min(m.scroll+by, len(m.text())-height))
	}
}

// beginExplain opens the explanation of what is selected.
func (m *model) beginExplain() tea.Cmd {
	tuple, _ := m.tuple()
	if tuple == "" {
		m.say(false, "nothing of a tuple is selected")
		return nil
	}
	m.explaining, m.explanation, m.unknown, m.scroll = tuple, nil, nil, 0
	return m.ask()
}
