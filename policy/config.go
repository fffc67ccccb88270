package policy

import (
	"errors"
	"fmt"
	"time"
)

// Config is the table [policy].
type Config struct {
	// Matches within Windows time windows confirm a tuple. The width of a
	// window is that of the detection.
	Matches int `toml:"matches"`
	Windows int `toml:"windows"`
	// Action is for detections that no rule fits.
	Action Action `toml:"action"`
	// Duration is how long a block lasts, or three gaps of the beacon where that
	// is longer.
	Duration time.Duration `toml:"duration"`
	// Renew is the share of its duration below which a block is renewed by
	// another match; 0 lets it run out first.
	Renew float64 `toml:"renew"`
	// MaxBlocks is how many blocks may be in force; beyond them decisions
	// alert instead.
	MaxBlocks int `toml:"max_blocks"`
	// MaxTuples is how many tuples with matches are remembered.
	MaxTuples int `toml:"max_tuples"`
	// Rules are asked in order: the first one that fits decides.
	Rules []Rule `toml:"rule"`
}

// Limits of the configuration.
const (
	// MinDuration is a second: below a millisecond the kernel would take a
	// timeout for none and never lift the block.
	MinDuration = time.Second
	// MaxDuration is thirty days.
	MaxDuration = 720 * time.Hour

	// MaxAge is how long ago a flow may have begun that leads to a block. It
	// leaves room for an Argus that reports once an hour and for a feed in
	// another time zone.
	MaxAge = 24 * time.Hour

	MaxMatches = 100
	MaxWindows = 10080 // a week of minutes
	// MaxRenew leaves a block some time before the next match renews it, so
	// that not every flow becomes a transaction of the kernel.
	MaxRenew     = 0.9
	MaxMaxBlocks = 1_000_000
	MaxMaxTuples = 10_000_000
)

// DefaultConfig is [policy] where slips.toml says nothing. The rules are fresh
// ones at each call. Decoding TOML over them would mix the two lists: set
// Rules to nil before, and to DefaultRules again where the file has none.
func DefaultConfig() Config {
	return Config{
		Matches:   3,
		Windows:   1440, // a day of windows of a minute
		Action:    ActionBlock,
		Duration:  time.Hour,
		Renew:     0.5,
		MaxBlocks: 10_000,
		MaxTuples: 100_000,
		Rules:     DefaultRules(),
	}
}

// Validate tells all that is wrong, joined; each error begins with the path of
// its key in [policy], rules counting from 0: rule[1].ports.
func (c Config) Validate() error {
	var all []error
	add := func(key string, err error) {
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", key, err))
		}
	}
	add("matches", checkRange(c.Matches, 1, MaxMatches))
	add("windows", checkRange(c.Windows, 1, MaxWindows))
	add("action", c.Action.check())
	add("duration", checkDuration(c.Duration))
	if !(c.Renew >= 0 && c.Renew <= MaxRenew) { // so that NaN is refused
		add("renew", fmt.Errorf("%v is not allowed; use 0 to %v", c.Renew, MaxRenew))
	}
	add("max_blocks", checkRange(c.MaxBlocks, 1, MaxMaxBlocks))
	add("max_tuples", checkRange(c.MaxTuples, 1, MaxMaxTuples))

	names := make(map[string]int, len(c.Rules))
	for i, r := range c.Rules {
		for _, err := range r.validate() {
			all = append(all, fmt.Errorf("rule[%d].%w", i, err))
		}
		name := nameOf(r, i)
		if first, taken := names[name]; taken {
			all = append(all, fmt.Errorf("rule[%d].name: %q is the name of rule[%d] already; use another one", i, name, first))
			continue
		}
		names[name] = i
	}
	return errors.Join(all...)
}

func checkRange(n, low, high int) error {
	if n < low || n > high {
		return fmt.Errorf("%d is not allowed; use %d to %d", n, low, high)
	}
	return nil
}

func checkDuration(d time.Duration) error {
	if d < MinDuration || d > MaxDuration {
		return fmt.Errorf(`%v is not allowed; use "1s" to "720h", with the unit`, d)
	}
	return nil
}

// ProtectConfig is the table [protect].
type ProtectConfig struct {
	// Networks are never blocked, on top of what the agent finds out itself.
	Networks Networks `toml:"networks"`
}

// DefaultProtectConfig is [protect] where slips.toml says nothing.
func DefaultProtectConfig() ProtectConfig { return ProtectConfig{} }

// Validate tells all that is wrong; see Config.Validate.
func (c ProtectConfig) Validate() error {
	for _, n := range c.Networks {
		if !n.IsValid() {
			return errors.New("networks: an empty network; use " + networkAllowed)
		}
	}
	return nil
}

// Entries gives what NewProtected takes.
func (c ProtectConfig) Entries() []Entry {
	entries := make([]Entry, len(c.Networks))
	for i, n := range c.Networks {
		why := "allowed in [protect]"
		if n.Comment != "" {
			why += ": " + n.Comment
		}
		entries[i] = Entry{Prefix: n.Prefix.Prefix, Kind: KindAllow, Why: why}
	}
	return entries
}
