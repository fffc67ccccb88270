package terminal

import (
	"fmt"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/numbers"
)

// details tells more of what is selected.
func (m *model) details() (lines []line) {
	switch m.view {
	case viewBlocks:
		if b := m.blocks.selected(); b != nil {
			lines = m.blockDetails(b)
		}
	case viewAlerts:
		if e := m.alerts.selected(); e != nil {
			lines = m.eventDetails(e)
		}
	case viewTuples:
		if t := m.tuples.selected(); t != nil {
			lines = m.tupleDetails(t)
		}
	case viewAllowed:
		if a := m.allows.selected(); a != nil {
			lines = m.allowDetails(a)
		}
	}
	return lines
}

// within gives the first lines, so many; where that are not all, the last of them says
// that there is more.
func within(lines []line, height, width int) []line {
	if len(lines) <= height || height < 1 {
		return lines[:min(len(lines), max(height, 0))]
	}
	last := line{}
	for _, p := range lines[height-1] {
		last.add(p.style, cut(p.text, width-last.width()-len(" ..")))
	}
	last.add(faint, " ..")
	return append(lines[:height-1:height-1], last)
}

// says writes a name and a text after it, over as many lines as that takes.
func (m *model) says(name, text string) []line {
	const names = 6
	var lines []line
	for i, s := range wrap(plain(text), m.width-names) {
		if i > 0 {
			name = ""
		}
		l := words(bold, fit(name, names, false))
		l.add(base, s)
		lines = append(lines, l)
	}
	return lines
}

func (m *model) blockDetails(b *control.BlockInfo) []line {
	lines := m.says("what", wholeTuple(b.Tuple, b.Scope)+", "+verdictWord(b))
	lines = append(lines, m.says("when", fmt.Sprintf("since %s, until %s; %s", clock(b.Since, m.now), clock(b.Until, m.now), b.Label))...)
	return append(lines, m.says("why", whyBlock(b))...)
}

func (m *model) eventDetails(e *history.Event) []line {
	var lines []line
	if e.Error != "" {
		lines = append(lines, m.says("failed", e.Error)...)
	}
	what := shortText(e)
	if e.By != nil {
		what += " (by " + e.By.Words() + ")"
	}
	lines = append(lines, m.says("what", what)...)
	if e.Decision != nil {
		lines = append(lines, m.says("why", e.Decision.Reason)...)
	}
	for _, c := range e.Changes {
		lines = append(lines, m.says("change", c)...)
	}
	if m.older && m.alerts.total >= maxEvents && m.alerts.cursor == m.alerts.total-1 {
		lines = append(lines, m.says("older", fmt.Sprintf("there are older ones: filter (/), or slips-ips alerts --until %q", e.Time.Local().Format(time.DateTime)))...)
	}
	return lines
}

func (m *model) tupleDetails(t *control.TupleRow) []line {
	what := inWords(t.Tuple) + ": "
	if t.Block != "" {
		what += stateWords(t.Block) + ", "
	}
	if t.Label != "" {
		what += fmt.Sprintf("%s with %s (threshold %s)", t.Label, numbers.Score(t.Score), numbers.Score(t.Threshold))
	} else {
		what += "not detected"
	}
	lines := m.says("what", what)
	when := "no flow"
	if t.Last != 0 {
		when = "newest flow " + m.since(t.Last.Time())
	}
	lines = append(lines, m.says("when", fmt.Sprintf("%s; %s, %s, %s", when, numbers.Count(t.Flows, "flow", "flows"), numbers.Count(t.Detections, "detection", "detections"), regular(t.Letters)))...)
	const name = "      "
	row := words(base, name)
	row = append(row, letters(t.Letters, t.Cut, m.fresh[t.Tuple.String()], m.width-len(name))...)
	key := words(base, name)
	return append(lines, row, append(key, legend()...))
}

func (m *model) allowDetails(a *control.Allow) []line {
	from := map[control.AllowFrom]string{
		control.FromAllow:  "added by hand: u ends it",
		control.FromConfig: "[protect] of slips.toml, or the host of a feed: only editing the file ends it",
		control.FromHost:   "this host needs it: nothing ends it",
	}[a.From]
	lines := m.says("from", from)
	if a.By != "" {
		lines = append(lines, m.says("by", fmt.Sprintf("%s, %s", a.By, clock(a.Since, m.now)))...)
	}
	if a.Comment != "" {
		lines = append(lines, m.says("why", a.Comment)...)
	}
	return lines
}
