package models

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/BurntSushi/toml"
)

// Read reads a model in the TOML format; file is its name, for messages and
// for Model.File. Unknown keys, values of the wrong kind and values out of
// range are errors that name the file, the line, the key and what is allowed;
// several are joined. With an error the Model is empty. At most MaxFileSize
// bytes are read.
func Read(r io.Reader, file string) (Model, error) {
	data, err := readBounded(r)
	if err != nil {
		return Model{}, fmt.Errorf("read model %s: %w", file, err)
	}
	if err := checkNesting(data); err != nil {
		return Model{}, fmt.Errorf("read model %s: %w", file, err)
	}
	var tree map[string]any
	if _, err := toml.Decode(string(data), &tree); err != nil {
		return Model{}, fmt.Errorf("read model %s: %w", file, syntaxError(err))
	}
	given := make(map[string]any)
	flatten(given, "", tree)

	m := Model{File: filepath.Base(file)}
	problems := m.fill(given)
	if len(problems) == 0 { // a missing or mistyped value would only be reported twice
		problems = m.problems()
	}
	if len(problems) == 0 {
		return m, nil
	}
	lines := keyLines(data)
	slices.SortStableFunc(problems, func(a, b problem) int { return cmp.Compare(lines[a.key], lines[b.key]) })
	var errs []error
	for _, p := range problems {
		if n := lines[p.key]; n > 0 {
			errs = append(errs, fmt.Errorf("read model %s: line %d: %s: %s", file, n, p.key, p.text))
		} else {
			errs = append(errs, fmt.Errorf("read model %s: %s: %s", file, p.key, p.text))
		}
	}
	return Model{}, errors.Join(errs...)
}

// readBounded reads all of r, or fails where that is more than a model file
// may have.
func readBounded(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxFileSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxFileSize {
		return nil, errTooLarge
	}
	return data, nil
}

var errTooLarge = fmt.Errorf("larger than %d KiB, which no model is", MaxFileSize>>10)

// syntaxError puts what the TOML parser says into the form of our own errors.
func syntaxError(err error) error {
	var pe toml.ParseError
	if !errors.As(err, &pe) {
		return err
	}
	at := fmt.Sprintf("line %d", pe.Position.Line)
	if pe.LastKey != "" {
		at += ": at or after " + quoted(pe.LastKey)
	}
	return fmt.Errorf("%s: %s", at, printable(pe.Message))
}

// printable makes text that may quote a file fit for a terminal.
func printable(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most] + " and more"
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// keys lists what a file may contain. A setter puts a decoded value into the
// model and reports whether it is of the kind that want describes. Tables are
// listed before what is in them.
var keys = []struct {
	name, want string
	set        func(*Model, any) bool
}{
	{"label", "a string such as \"From-Botnet-TCP-HTTP-CC-1\"", func(m *Model, v any) bool { return setText(&m.Label, v) }},
	{"class", `"malicious" or "normal"`, func(m *Model, v any) bool { return setText(&m.Class, v) }},
	{"kind", `"letters" or "behaviour"`, func(m *Model, v any) bool { return setText(&m.Kind, v) }},
	{"protocol", `a string such as "tcp"`, func(m *Model, v any) bool { return setText(&m.Proto, v) }},
	{"threshold", "a number", func(m *Model, v any) bool { return setNumber(&m.Threshold, v) }},
	{"licence", "a string", func(m *Model, v any) bool { return setText(&m.Licence, v) }},
	{"letters", "a string of letters", setLetters},
	{"behaviour", "a table: [behaviour]", setLimits},
	{"behaviour.min_contacts", "a whole number", func(m *Model, v any) bool { return setCount(&m.limits().MinContacts, v) }},
	{"behaviour.merge", wantDuration, func(m *Model, v any) bool { return setDuration(&m.limits().Merge, v) }},
	{"behaviour.min_gap", wantDuration, func(m *Model, v any) bool { return setDuration(&m.limits().MinGap, v) }},
	{"behaviour.max_gap", wantDuration, func(m *Model, v any) bool { return setDuration(&m.limits().MaxGap, v) }},
	{"behaviour.max_gap_spread", "a number", func(m *Model, v any) bool { return setNumber(&m.limits().MaxGapSpread, v) }},
	{"behaviour.max_size_spread", "a number", func(m *Model, v any) bool { return setNumber(&m.limits().MaxSizeSpread, v) }},
	{"behaviour.min_size", "a whole number of bytes", func(m *Model, v any) bool { return setCount(&m.limits().MinSize, v) }},
	{"behaviour.max_size", "a whole number of bytes", func(m *Model, v any) bool { return setCount(&m.limits().MaxSize, v) }},
	{"behaviour.ports", "a list of ports from 0 to 65535, such as [80, 8080]", func(m *Model, v any) bool { return setPorts(&m.limits().Ports, v) }},
	{"behaviour.destinations", `a list of networks, such as ["203.0.113.0/24"]`, setDestinations},
	{"behaviour.evidence", "a number", func(m *Model, v any) bool { return setNumber(&m.limits().Evidence, v) }},
	{"behaviour.not_ports", "a list of ports from 0 to 65535, such as [53, 123]", func(m *Model, v any) bool { return setPorts(&m.limits().NotPorts, v) }},
	{"provenance", "a table: [provenance]", setProvenance},
	{"provenance.data", "a string", func(m *Model, v any) bool { return setText(&m.Data, v) }},
	{"provenance.tool", "a string", func(m *Model, v any) bool { return setText(&m.Tool, v) }},
	{"provenance.learned", "a day such as 2025-11-24, without quotes", setLearned},
}

const wantDuration = `a string of numbers with units, such as "5s", "2m30s" or "24h"`

// required lists the keys that every file must have, requiredOf those that
// files of a kind must have besides.
var required = []string{"label", "class", "kind"}

var requiredOf = map[Kind][]string{
	KindLetters: {"protocol", "threshold", "letters"},
	KindBehaviour: {"behaviour.min_contacts", "behaviour.merge", "behaviour.min_gap", "behaviour.max_gap",
		"behaviour.max_gap_spread", "behaviour.max_size_spread"},
}

// fill puts the values of a file into the model and reports unknown keys,
// values of the wrong kind and missing keys.
func (m *Model) fill(given map[string]any) []problem {
	var ps []problem
	left := len(given)
	for _, k := range keys {
		v, ok := given[k.name]
		if !ok {
			continue
		}
		left--
		if !k.set(m, v) {
			ps = append(ps, problem{k.name, describe(v) + " is not allowed; use " + k.want})
		}
	}
	if left > 0 {
		ps = append(ps, unknown(given)...)
	}
	for _, key := range slices.Concat(required, requiredOf[m.Kind]) {
		if _, ok := given[key]; !ok {
			ps = append(ps, problem{key, "is missing"})
		}
	}
	if m.Kind == KindBehaviour && m.Behaviour != nil {
		if _, ok := given["behaviour.evidence"]; !ok {
			m.Behaviour.Evidence = Decisive
		}
		if _, ok := given["threshold"]; ok && m.Letters == "" {
			ps = append(ps, problem{"threshold", fmt.Sprintf("is of no use in a model of kind %q without letters", KindBehaviour)})
		}
	}
	return ps
}

func unknown(given map[string]any) []problem {
	var ps []problem
	known := make(map[string]bool, len(keys))
	names := make(map[string][]string) // by table
	for _, k := range keys {
		known[k.name] = true
		table, name, ok := strings.Cut(k.name, ".")
		if !ok {
			table, name = "", k.name
		}
		names[table] = append(names[table], name)
	}
	for key := range given {
		if known[key] {
			continue
		}
		table, _, ok := strings.Cut(key, ".")
		if !ok {
			table = ""
		}
		if ok && !known[table] {
			continue // its table is reported
		}
		ps = append(ps, problem{key, "is no key of a model; allowed are " + strings.Join(names[table], ", ")})
	}
	slices.SortFunc(ps, func(a, b problem) int { return cmp.Compare(a.key, b.key) })
	return ps
}

// flatten lists the values of a tree of tables under their dotted keys, and
// the tables themselves.
func flatten(to map[string]any, prefix string, tree map[string]any) {
	for name, v := range tree {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !alphanumeric(r) && r != '_' && r != '-' }) {
			name = quoted(name) // "a.b" is not b in table a
		}
		to[prefix+name] = v
		if table, ok := v.(map[string]any); ok {
			flatten(to, prefix+name+".", table)
		}
	}
}

// describe says what a value of a file is, for an error message.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return quoted(v)
	case bool, int64, float64:
		return fmt.Sprint(v)
	case time.Time:
		return "the time " + v.Format(time.RFC3339)
	case map[string]any:
		return "a table"
	default:
		return "a list"
	}
}
