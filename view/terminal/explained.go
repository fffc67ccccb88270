package terminal

import (
	"fmt"
	"strings"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// explainNames is the width of the names before what is told.
const explainNames = 11

// teller collects lines with names before them.
type teller struct {
	width int
	lines []line
}

// tell adds a text, over as many lines as it takes.
func (t *teller) tell(style look, name, format string, args ...any) {
	for i, s := range wrap(plain(fmt.Sprintf(format, args...)), t.width-explainNames) {
		if i > 0 {
			name = ""
		}
		l := words(faint, fit(name, explainNames, false))
		l.add(style, s)
		t.lines = append(t.lines, l)
	}
}

// explained gives the explanation of a tuple.
func (m *model) explained() []line {
	t := &teller{width: m.width}
	for _, s := range wrap(plain(m.explaining), m.width) {
		t.lines = append(t.lines, words(bold, s))
	}
	switch {
	case m.unknown != nil:
		t.tell(red, "", "%s", m.unknown)
		return t.lines
	case m.explanation == nil:
		t.tell(faint, "", "asking the agent ...")
		return t.lines
	}
	e := m.explanation
	t.tell(bold, "verdict", "%s", e.Verdict)
	if e.Protected != "" {
		t.tell(green, "protected", "%s", e.Protected)
	}
	if b := e.Block; b != nil {
		t.tell(stateStyle(b.State), "block", "%s: %s, %s", stateWords(b.State), wholeTuple(b.Tuple, b.Scope), verdictWord(b))
		t.tell(base, "", "since %s, until %s, %s left", clock(b.Since, m.now), clock(b.Until, m.now), numbers.Left(b.Until.Sub(m.now)))
		t.tell(base, "", "id %s", b.ID)
		if b.By != nil {
			t.tell(base, "", "by %s", b.By.Words())
		}
		if b.Hits != nil {
			t.tell(base, "", "%s stopped", numbers.Count(b.Hits.Packets, "packet", "packets"))
		}
	}
	m.tellLetters(t)
	t.judgement(e)
	t.ruling(m, e)
	if len(e.Events) > 0 {
		t.lines = append(t.lines, line{}, words(bold, "what happened"))
	}
	for i := range e.Events {
		ev := &e.Events[i]
		text := ev.Text
		if ev.Decision != nil && strings.Contains(e.Verdict, ev.Decision.Reason) {
			text = shortText(ev) // the verdict tells it already
		}
		text = strings.TrimLeft(strings.TrimPrefix(text, m.explaining), ": ")
		t.tell(base, string(ev.Kind), "%s  %s", clock(ev.Time, m.now), text)
		if ev.Error != "" {
			t.tell(red, "", "%s", ev.Error)
		}
	}
	return t.lines
}

// verdictWord says what becomes of the packets of a block.
func verdictWord(b *control.BlockInfo) string {
	word := "dropped"
	if b.Verdict == policy.VerdictReject {
		word = "rejected"
	}
	switch b.State {
	case enforce.StateMissing:
		return "should be " + word
	case enforce.StateWouldBlock:
		return "would be " + word
	}
	return word
}

// tellLetters draws the letters, as many lines as they take.
func (m *model) tellLetters(t *teller) {
	k := m.explanation.Known
	if k == nil {
		t.tell(base, "letters", "nothing is remembered of it now")
		return
	}
	rest := k.Letters
	if k.Cut {
		rest = ".." + rest
	}
	name, width := "letters", max(1, t.width-explainNames)
	for len(rest) > 0 {
		n := min(width, len(rest))
		l := words(faint, fit(name, explainNames, false))
		t.lines = append(t.lines, append(l, letters(rest[:n], false, 0, width)...))
		rest, name = rest[n:], ""
	}
	key := words(base, strings.Repeat(" ", explainNames))
	t.lines = append(t.lines, append(key, legend()...))
	when := "never"
	if k.Last != 0 {
		when = m.since(k.Last.Time())
	}
	t.tell(base, "flows", "%s, the newest %s; %s; %s", numbers.Grouped(k.Flows), when, numbers.Count(k.Detections, "detection", "detections"), regular(k.Letters))
	if next := m.explanation.Next; !next.IsZero() {
		word := "due"
		if next.Before(m.now) {
			word = "was due"
		}
		t.tell(base, "next", "%s at %s by its gap", word, clock(next, m.now))
	}
}

// judgement tells what the scorer thinks.
func (t *teller) judgement(e *control.Explanation) {
	j := e.Judgement
	if j == nil {
		return
	}
	style, word := base, "below the threshold"
	if j.Malicious {
		style, word = red, "malicious"
	}
	t.tell(style, "score", "%s by %s, threshold %s: %s", numbers.Score(j.Score), j.Scorer, numbers.Score(j.Threshold), word)
	if j.Label != "" {
		t.tell(base, "label", "%s", j.Label)
	}
	for i, s := range j.For {
		t.tell(base, firstOnly(i, "for"), "%s", s)
	}
	for i, s := range j.Against {
		t.tell(base, firstOnly(i, "against"), "%s", s)
	}
	if j.Missing != "" {
		t.tell(base, "missing", "%s", j.Missing)
	}
}

// ruling tells the rule with its line, the matches and the budget.
func (t *teller) ruling(m *model, e *control.Explanation) {
	if r := e.Ruling; r != nil {
		d, where, says := r.Decision, "", "would say"
		if r.Line > 0 {
			where = fmt.Sprintf(" (%s line %d)", r.File, r.Line)
		}
		if r.Made {
			says = "said"
		}
		t.tell(base, "rule", "%s%s %s %s: %s", d.Rule, where, says, d.Action, d.Cause)
		if !r.Made && d.Reason != "" {
			t.tell(base, "", "%s", d.Reason)
		}
		for i, s := range r.Missing {
			t.tell(base, firstOnly(i, "missing"), "%s", s)
		}
		if d.Matches > 0 {
			t.tell(base, "matches", "%d, since %s", d.Matches, clock(d.Since.Time(), m.now))
		}
	}
	for i, b := range e.Budget {
		most := fmt.Sprintf("of %s", numbers.Grouped(b.Most))
		if b.Most == 0 {
			most = "without a limit"
		}
		t.tell(base, firstOnly(i, "budget"), "%s: %s %s", b.Limit, numbers.Grouped(b.Used), most)
	}
}

// firstOnly gives the name for the first line of several.
func firstOnly(i int, name string) string {
	if i == 0 {
		return name
	}
	return ""
}
