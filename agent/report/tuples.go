package report

import "fmt"

// Tuples says which tuples are printed.
type Tuples string

// What may be printed at the end of a window.
const (
	TuplesAll      Tuples = "all"      // every tuple that was active in it
	TuplesDetected Tuples = "detected" // those that match a malicious model
	TuplesNone     Tuples = "none"     // nothing
)

func (t Tuples) check() error {
	switch t {
	case TuplesAll, TuplesDetected, TuplesNone:
		return nil
	}
	return fmt.Errorf("tuples: %q is not allowed; use all, detected or none", string(t))
}

// UnmarshalText accepts all, detected and none.
func (t *Tuples) UnmarshalText(b []byte) error {
	v := Tuples(b)
	if v.check() != nil {
		return fmt.Errorf("%q is not allowed; use all, detected or none", b)
	}
	*t = v
	return nil
}

// Set makes Tuples a command-line flag.
func (t *Tuples) Set(s string) error { return t.UnmarshalText([]byte(s)) }

// String gives the word.
func (t Tuples) String() string { return string(t) }

// Type names the kind of value in help texts.
func (t *Tuples) Type() string { return "which" }
