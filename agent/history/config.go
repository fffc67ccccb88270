package history

import (
	"errors"
	"fmt"
	"time"
)

// Config is the table [history] of slips.toml.
type Config struct {
	// KeepDays is how many days of history are kept.
	KeepDays int `toml:"keep_days"`
	// MaxMiB is how large the file may become, its log included; the oldest
	// entries go first.
	MaxMiB int `toml:"max_mib"`
	// Queue is how many events may wait in memory for a disk that takes none.
	Queue int `toml:"queue"`
}

// Limits of the configuration.
const (
	MinKeepDays = 1
	MaxKeepDays = 3650
	MinMiB      = 8
	MaxMiB      = 1 << 20
	MinQueue    = 100
	MaxQueue    = 1_000_000
)

// DefaultConfig is [history] where slips.toml says nothing.
func DefaultConfig() Config { return Config{KeepDays: 90, MaxMiB: 512, Queue: 10_000} }

// Validate tells all that is wrong, joined; each error begins with the key.
func (c Config) Validate() error {
	return errors.Join(
		checkRange("keep_days", c.KeepDays, MinKeepDays, MaxKeepDays),
		checkRange("max_mib", c.MaxMiB, MinMiB, MaxMiB),
		checkRange("queue", c.Queue, MinQueue, MaxQueue),
	)
}

func checkRange(key string, n, low, high int) error {
	if n < low || n > high {
		return fmt.Errorf("%s: %d is not allowed; use %d to %d", key, n, low, high)
	}
	return nil
}

// Options gives what Open takes; Path, Log and Now are for the caller to set.
func (c Config) Options() Options {
	return Options{
		KeepFor:   time.Duration(c.KeepDays) * 24 * time.Hour,
		KeepBytes: int64(c.MaxMiB) << 20,
		QueueLen:  c.Queue,
	}
}
