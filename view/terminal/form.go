package terminal

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// field is one thing to type or to choose.
type field struct {
	name, value, hint string
	most              int // characters
	input             input
	// choices are all that it may be, where it is not typed. The first is as usual.
	choices []choice
}

// choice is one of few values, and what it means.
type choice struct{ value, means string }

// chosen is the place of the value among the choices.
func (f *field) chosen() int {
	return max(0, slices.IndexFunc(f.choices, func(c choice) bool { return c.value == f.text() }))
}

// text is the value as it is now.
func (f *field) text() string { return strings.TrimSpace(string(f.input.text)) }

// choose answers a key in a field of choices: the next one, the one before, or the
// one that begins with the character.
func (f *field) choose(k tea.KeyPressMsg) {
	n, at := len(f.choices), f.chosen()
	switch s := k.String(); s {
	case "space", "right", "ctrl+f":
		at++
	case "left", "ctrl+b", "backspace":
		at += n - 1
	default:
		for i, c := range f.choices {
			if k.Text != "" && strings.HasPrefix(c.value, strings.ToLower(k.Text)) {
				at = i
				break
			}
		}
	}
	f.input.set(f.choices[at%n].value)
}

// form is some fields at the bottom of the screen.
type form struct {
	title  string
	fields []field
	at     int
	wrong  string
	swap   func() // what ctrl+t does; nil: nothing
	// submit makes of the values what to ask the admin; its error stays in the form.
	submit func(values []string) (action, error)
	// apply takes the value of a form that changes nothing in the agent.
	apply func(value string) (tea.Cmd, error)
}

func newForm(title string, fields ...field) *form {
	f := &form{title: title, fields: fields}
	for i := range f.fields {
		field := &f.fields[i]
		field.input.most = field.most
		for _, c := range field.choices {
			field.input.most = max(field.input.most, len(c.value))
		}
		if field.value == "" && len(field.choices) > 0 {
			field.value = field.choices[0].value
		}
		field.input.set(field.value)
	}
	return f
}

// begin shows a form instead of what is at the bottom.
func (m *model) begin(f *form) {
	m.form, m.help = f, false
	m.say(false, "")
}

// formKey answers a key while a form is open.
func (m *model) formKey(k tea.KeyPressMsg) tea.Cmd {
	f := m.form
	switch k.String() {
	case "esc":
		m.form = nil
		m.say(false, "nothing was changed")
		return nil
	case "ctrl+t":
		if f.swap != nil {
			f.swap()
		}
		return nil
	case "up", "shift+tab":
		f.step(-1)
		return nil
	case "down", "tab":
		f.step(1)
		return nil
	case "enter":
		if f.apply != nil || f.at == len(f.fields)-1 {
			return m.submit()
		}
		f.step(1)
		return nil
	}
	f.wrong = ""
	if at := &f.fields[f.at]; len(at.choices) > 0 {
		at.choose(k)
	} else {
		at.input.key(k)
	}
	return nil
}

// submit takes what was typed.
func (m *model) submit() tea.Cmd {
	f := m.form
	values := make([]string, len(f.fields))
	for i := range f.fields {
		values[i] = f.fields[i].text()
	}
	if f.apply != nil {
		cmd, err := f.apply(values[0])
		if err != nil {
			f.wrong = err.Error()
			return nil
		}
		m.form = nil
		return cmd
	}
	a, err := f.submit(values)
	if err != nil {
		f.wrong = err.Error()
		return nil
	}
	m.propose(a)
	return nil
}

// paste puts text into the field, as if it was typed. What has choices takes none: a
// line too many in a clipboard is no answer.
func (f *form) paste(text string) {
	if at := &f.fields[f.at]; len(at.choices) == 0 {
		at.input.insert(text)
		f.wrong = ""
	}
}

// step goes to another field.
func (f *form) step(by int) {
	f.at = (f.at + by + len(f.fields)) % len(f.fields)
}

// exchange puts the other of two values into the first field.
func (f *form) exchange(a, b string) {
	in := &f.fields[0].input
	if string(in.text) == b {
		b = a
	}
	in.set(b)
}

// beginFilter asks what to show.
func (m *model) beginFilter() tea.Cmd {
	f := newForm("Show only",
		field{name: "filter", value: m.filter.text, hint: "10.0.0.7  203.0.113.0/24  label:zeus  flows:50  or a part of a tuple", most: 200})
	f.apply = func(v string) (tea.Cmd, error) {
		got, err := parseFilter(v)
		if err != nil {
			return nil, err
		}
		return m.use(got), nil
	}
	m.begin(f)
	return nil
}

// formLines draws the form. Where it is higher than its place, the fields around the
// one that is typed in are seen, and what is wrong always is.
func (m *model) formLines(height int) []line {
	wrong := m.wrongLines()
	wrong = wrong[:min(len(wrong), max(1, height-2))]
	room := max(1, height-1-len(wrong))
	from := max(0, min(m.form.at-room/2, len(m.form.fields)-room))
	lines := []line{m.rule(m.form.title)}
	for i := from; i < min(from+room, len(m.form.fields)); i++ {
		lines = append(lines, m.fieldLine(i))
	}
	return append(lines, wrong...)
}

func (m *model) fieldLine(i int) line {
	const names = 9
	f, here := &m.form.fields[i], i == m.form.at
	l := words(base, fit(f.name, names, false))
	if here {
		l = words(bold, fit(f.name, names, false))
	}
	if len(f.choices) > 0 {
		style := base
		if here {
			style = selected
		}
		c := f.choices[f.chosen()]
		l.add(style, c.value)
		l.add(faint, "  "+c.means)
		return l
	}
	room := max(8, min(f.most+1, m.width-names-1))
	hint := ""
	if len(f.input.text) == 0 || m.width-names-room > 30 {
		hint = f.hint
		room = max(8, min(room, m.width-names-3-widthOf(hint)))
	}
	l = append(l, f.input.draw(room, here)...)
	l.add(faint, "  "+hint)
	return l
}

// wrongLines says what is wrong with what was typed.
func (m *model) wrongLines() []line {
	if m.form.wrong == "" {
		return nil
	}
	var lines []line
	for _, s := range wrap(plain(m.form.wrong), m.width) {
		lines = append(lines, words(red, s))
	}
	return lines
}
