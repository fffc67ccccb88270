package agent

import "fmt"

// Mode says how far the agent goes.
type Mode string

// The modes, from the most to the least.
const (
	// ModeEnforce blocks what policy decides to block.
	ModeEnforce Mode = "enforce"
	// ModeDryRun decides the same and only tells; it is the default.
	ModeDryRun Mode = "dry-run"
	// ModeDetectOff compares nothing and prints tuples.
	ModeDetectOff Mode = "detect-off"
)

// UnmarshalText accepts the names of the modes.
func (m *Mode) UnmarshalText(b []byte) error {
	switch v := Mode(b); v {
	case ModeEnforce, ModeDryRun, ModeDetectOff:
		*m = v
		return nil
	}
	return fmt.Errorf("%q is no mode; use enforce, dry-run or detect-off", b)
}

// String gives the name of the mode.
func (m Mode) String() string { return string(m) }

// Set makes Mode a command-line flag.
func (m *Mode) Set(s string) error { return m.UnmarshalText([]byte(s)) }

// Type names the kind of value in help texts.
func (m *Mode) Type() string { return "mode" }
