//go:build !linux

package enforce

import "time"

// SelfTested is the result of SelfTest.
type SelfTested struct {
	Passed, Dropped bool
	Counted         uint64
	Took            time.Duration
}

// SelfTest proves that a block stops a packet: not here.
func SelfTest(Config) (SelfTested, error) { return SelfTested{}, ErrUnsupported }

// Inspect looks at the host: not here.
func Inspect(Config, int) (Inspection, error) { return Inspection{}, ErrUnsupported }
