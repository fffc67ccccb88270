package policy

import (
	"errors"
	"fmt"
	"path"
	"strings"
)

// Glob is a pattern for the whole of a label, without regard to letter case:
// * stands for any characters, ? for one, [abc] and [a-z] for one of these,
// [^abc] for one of the others, \* for the character itself. Empty, it fits
// every label.
type Glob string

const globAllowed = `a label with * for any characters, ? for one and [abc] for one of these, such as "*-DNS-*"`

// UnmarshalText accepts a pattern.
func (g *Glob) UnmarshalText(b []byte) error {
	v := Glob(b)
	if v == "" {
		return errors.New(`empty; use ` + globAllowed + `, or leave the key out for every label`)
	}
	if err := v.check(); err != nil {
		return err
	}
	*g = v
	return nil
}

// Matches tells whether g fits the whole of label. A pattern that UnmarshalText
// refuses fits nothing.
func (g Glob) Matches(label string) bool {
	return g == "" || globMatches(foldLabel(string(g)), foldLabel(label))
}

func (g Glob) check() error {
	if _, err := path.Match(string(g), ""); err != nil {
		return fmt.Errorf("%q is no pattern; use %s", string(g), globAllowed)
	}
	return nil
}

// foldLabel brings labels and patterns into the form that they are compared
// in: path.Match treats / apart, labels do not.
func foldLabel(s string) string {
	return strings.ReplaceAll(strings.ToLower(s), "/", "\x1f")
}

// globMatches compares two folded texts.
func globMatches(pattern, label string) bool {
	ok, err := path.Match(pattern, label)
	return ok && err == nil
}
