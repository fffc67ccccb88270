package report

import "fmt"

// Config is the table [report] of slips.toml.
type Config struct {
	// Tuples says which tuples are printed at the end of a time window.
	Tuples Tuples `toml:"tuples"`
	// Sound rings the terminal's bell at an alert.
	Sound bool `toml:"sound"`
	// MinLetters keeps tuples with fewer letters from being printed.
	MinLetters int `toml:"min_letters"`
}

// DefaultConfig prints detected tuples, without sound.
func DefaultConfig() Config { return Config{Tuples: TuplesDetected} }

// Validate checks the values. Its errors begin with the key.
func (c Config) Validate() error {
	if c.MinLetters < 0 {
		return fmt.Errorf("min_letters: %d is not allowed; use 0 or more", c.MinLetters)
	}
	return c.Tuples.check()
}

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
