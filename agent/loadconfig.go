package agent

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"slips-ips/policy"
)

// maxConfigSize is far above any sensible slips.toml; it guards against being
// given a device or a log by mistake.
const maxConfigSize = 4 << 20

// LoadConfig reads slips.toml over the defaults. What is wrong in the file is
// a *ConfigError. It opens no socket.
func LoadConfig(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigSize+1))
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration %s: %w", path, err)
	}
	if len(data) > maxConfigSize {
		return Config{}, fmt.Errorf("reading the configuration %s: it is larger than %d bytes", path, maxConfigSize)
	}
	c, wrong := ParseConfig(data)
	if len(wrong) > 0 {
		return Config{}, &ConfigError{Path: path, Mistakes: wrong}
	}
	return c, nil
}

// ConfigError says all that is wrong in a configuration file.
type ConfigError struct {
	Path     string
	Mistakes []Mistake
}

// Error lists the mistakes, one a line, as compilers do: file:line: key: what.
func (e *ConfigError) Error() string {
	var lines []string
	for _, m := range e.Mistakes {
		lines = append(lines, fmt.Sprintf("%s:%s", e.Path, m))
	}
	return strings.Join(lines, "\n")
}

// Mistake is one thing that is wrong in a configuration file.
type Mistake struct {
	Line int    `json:"line"` // from 1; 0 where the key is not in the file
	Key  string `json:"key"`
	What string `json:"what"` // what is wrong and what is allowed
}

// String gives line: key: what.
func (m Mistake) String() string {
	s := m.What
	if m.Key != "" {
		s = m.Key + ": " + s
	}
	return fmt.Sprintf("%d: %s", m.Line, s)
}

// ParseConfig reads the text of a slips.toml over the defaults; the
// configuration may be used only where there are no mistakes.
func ParseConfig(data []byte) (Config, []Mistake) {
	if line, deep := tooDeep(data); deep {
		return Config{}, []Mistake{{Line: line, What: fmt.Sprintf("more than %d parts of a key, or tables and lists inside each other; no key of slips.toml is so deep", deepest)}}
	}
	c, meta, err := decode(data)
	if err != nil {
		wrong := firstMistake(data, err)
		for _, k := range keyLines(data) { // which of several tables it is
			if k.plain == wrong.Key && k.line == wrong.Line {
				wrong.Key = k.path
			}
		}
		return Config{}, []Mistake{wrong}
	}
	if !meta.IsDefined("policy", "rule") {
		c.Policy.Rules = policy.DefaultRules()
	}
	keys := keyLines(data)
	var wrong []Mistake
	seen := map[string]bool{} // a key that is in several [[table]]s comes once for each
	for _, key := range meta.Undecoded() {
		if path := unknownPart(key).String(); !seen[path] && len(wrong) < maxMistakes {
			seen[path] = true
			wrong = append(wrong, unknownKey(keys, path)...)
		}
	}
	for _, err := range split(c.Validate()) {
		if len(wrong) >= maxMistakes {
			break
		}
		key, what, _ := strings.Cut(err.Error(), ": ")
		wrong = append(wrong, Mistake{Line: lineOf(keys, key), Key: key, What: what})
	}
	slices.SortStableFunc(wrong, func(a, b Mistake) int { return cmp.Compare(a.Line, b.Line) })
	return c, wrong[:min(len(wrong), maxMistakes)]
}

// maxMistakes is how many mistakes are told at a time: the line of each is looked for,
// and whoever may ask what a configuration would do chooses how many there are.
const maxMistakes = 200

// unknownPart gives a key up to the part that is not known: the table of a key may be
// unknown itself, and stands nowhere alone in [polcy.budget] and polcy.action.
func unknownPart(key toml.Key) toml.Key {
	for i := range key {
		known := knownKeys(strings.ToLower(strings.Join(key[:i], ".")))
		if len(known) == 0 {
			return key
		}
		if !slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, key[i]) }) {
			return key[:i+1]
		}
	}
	return key
}

// undecodable is what the toml package refused itself: it knows the line.
func undecodable(err error) Mistake {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		return wrongType(err)
	}
	what := parse.Message
	if what == "" {
		what = err.Error()
	}
	what = strings.TrimPrefix(what, "toml: ")
	if strings.HasPrefix(what, "invalid duration") {
		what += `; use a number with its unit (ms, s, m, h), as in "90s"`
	}
	return Mistake{Line: parse.Position.Line, Key: parse.LastKey, What: what}
}

// The toml package has no type for the error of a value of the wrong type: line
// and key are in its text only.
var (
	wrongTypeForm = regexp.MustCompile(`^toml: line (\d+) \(last key "(.*?)"\): (.*)$`)
	typesForm     = regexp.MustCompile(`^incompatible types: TOML value has type .*; destination has type (.*)$`)
	mismatchForm  = regexp.MustCompile(`^type mismatch for .*: expected table but found `)
)

// typeNames are the types of values in the words of slips.toml.
var typeNames = map[string]string{
	"string": "a text in quotes", "primitive (string-like)": "a text in quotes", "integer": "a whole number",
	"float": "a number", "boolean": "true or false", "slice": "a list", "map": "a table",
}

func wrongType(err error) Mistake {
	m := wrongTypeForm.FindStringSubmatch(err.Error())
	if m == nil {
		return Mistake{What: err.Error()}
	}
	what := m[3]
	if wanted := typesForm.FindStringSubmatch(what); wanted != nil {
		allowed := cmp.Or(typeNames[wanted[1]], wanted[1])
		if m[2] == "source" {
			allowed = "[[source]] and, below it, url"
		}
		what = "a value of the wrong type; use " + allowed
	} else if mismatchForm.MatchString(what) {
		what = "a value of the wrong type; use a table"
	}
	line, _ := strconv.Atoi(m[1]) // it is a number, as the form says
	return Mistake{Line: line, Key: m[2], What: what}
}

// decode reads the text over the defaults, but for the rules: a list in the
// file replaces the default one.
func decode(data []byte) (Config, toml.MetaData, error) {
	c := DefaultConfig()
	c.Policy.Rules = nil
	meta, err := toml.NewDecoder(bytes.NewReader(data)).Decode(&c)
	return c, meta, err
}

// listTable is the line of a [[table]].
var listTable = regexp.MustCompile(`(?m)^[ \t]*\[\[[^\]\n]*\]\][ \t]*(#.*)?\r?$`)

// firstMistake finds the line of the mistake why. The toml package keeps one
// position for each key path, so inside a list of tables it reports the line of
// the last [[table]] that has the key. Without the tables behind it, the one
// with the mistake is the last.
func firstMistake(data []byte, why error) Mistake {
	if err := toml.Unmarshal(data, &map[string]any{}); err != nil {
		return undecodable(err) // no TOML: the line is right
	}
	ends := listTable.FindAllIndex(data, -1)
	i := sort.Search(len(ends), func(i int) bool {
		_, _, err := decode(data[:ends[i][0]])
		return err != nil
	})
	if i < len(ends) {
		part := data[:ends[i][0]]
		// What looks like a table may be inside a text.
		if _, _, err := decode(part); toml.Unmarshal(part, &map[string]any{}) == nil {
			why = err
		}
	}
	return undecodable(why)
}

// unknownKey reports every line on which an unknown key stands, with the keys
// that are known there.
func unknownKey(keys []keyLine, path string) []Mistake {
	table, key := "", path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		table, key = path[:i], path[i+1:]
	}
	known := knownKeys(table)
	what := "unknown key; known here: " + strings.Join(known, ", ")
	if near := nearest(key, known); near != "" {
		what = "unknown key; did you mean " + near + "? Known here: " + strings.Join(known, ", ")
	}
	var wrong []Mistake
	for _, k := range keys {
		if k.plain == path {
			wrong = append(wrong, Mistake{Line: k.line, Key: k.path, What: what})
		}
	}
	for _, k := range keys { // a table that is only the beginning of others
		if len(wrong) == 0 && strings.HasPrefix(k.plain, path+".") {
			wrong = append(wrong, Mistake{Line: k.line, Key: path, What: what})
		}
	}
	if len(wrong) == 0 { // inside an inline table
		wrong = append(wrong, Mistake{Line: lineOf(keys, path), Key: path, What: what})
	}
	return wrong
}
