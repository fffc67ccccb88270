package terminal

import (
	"strings"

	tea "charm.land/bubbletea/v2"
)

// field is one thing to type.
type field struct {
	name, value, hint string
	most              int // characters
	input             input
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
		f.fields[i].input.most = f.fields[i].most
		f.fields[i].input.set(f.fields[i].value)
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
	f.fields[f.at].input.key(k)
	return nil
}

// submit takes what was typed.
func (m *model) submit() tea.Cmd {
	f := m.form
	values := make([]string, len(f.fields))
	for i := range f.fields {
		values[i] = strings.TrimSpace(string(f.fields[i].input.text))
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
