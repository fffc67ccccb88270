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
	// Score is the least probability of the match that leads to a block; 0: any.
	// A scorer without probabilities has none that is enough.
	Score float64 `toml:"score"`
	// Flows is how many flows the tuple must have had.
	Flows int `toml:"flows"`
	// Grace is how long after the start of the agent nothing is blocked.
	Grace Duration `toml:"grace"`
	// Action is for detections that no rule fits.
	Action Action `toml:"action"`
	// Duration is how long a block lasts, or three gaps of the beacon where that
	// is longer; Longest how long at most, whatever else is said.
	Duration Duration `toml:"duration"`
	Longest  Duration `toml:"longest"`
	// Repeat is how long the second block of the same lasts, the third and so on;
	// the last one stands for all that follow.
	Repeat Durations `toml:"repeat"`
	// Forgive is the time without a block after which one of those before is
	// forgotten; 0: never.
	Forgive Duration `toml:"forgive"`
	// Jitter is the share by which blocks from the second on are longer, at most,
	// so that nobody can tell when they end.
	Jitter float64 `toml:"jitter"`
	// Renew is the share of its duration below which a block is renewed by
	// another match; 0 lets it run out first.
	Renew float64 `toml:"renew"`
	// Home are the networks that directions are seen from; empty: the private
	// ranges and those of View.Home.
	Home Networks `toml:"home"`
	// Timezone is that of the hours and days of rules.
	Timezone Zone `toml:"timezone"`
	// MaxBlocks is how many blocks may be in force; beyond them decisions
	// alert instead.
	MaxBlocks int `toml:"max_blocks"`
	// MaxTuples is how many tuples with matches are remembered, and how many that
	// were blocked.
	MaxTuples int    `toml:"max_tuples"`
	Budget    Budget `toml:"budget"`
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
	MaxFlows   = 1_000_000
	MaxWindows = 10080 // a week of minutes
	// MaxRenew leaves a block some time before the next match renews it, so
	// that not every flow becomes a transaction of the kernel.
	MaxRenew     = 0.9
	MaxMaxBlocks = 1_000_000
	// MaxJitter at most doubles a block.
	MaxJitter    = 1.0
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
		Duration:  Duration(time.Hour),
		Longest:   Duration(MaxDuration),
		Repeat:    Durations{Duration(6 * time.Hour), Duration(day), Duration(7 * day)},
		Forgive:   Duration(7 * day),
		Jitter:    0.1,
		Renew:     0.5,
		Timezone:  "local",
		MaxBlocks: 10_000,
		MaxTuples: 100_000,
		Budget:    DefaultBudget(),
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
	add("score", checkScore(c.Score))
	add("flows", checkRange(c.Flows, 0, MaxFlows))
	add("grace", checkPause(c.Grace))
	add("action", c.Action.check())
	add("duration", checkDuration(c.Duration))
	add("longest", checkLongest(c))
	add("repeat", checkSteps(c.Repeat))
	add("forgive", checkPause(c.Forgive))
	if !(c.Jitter >= 0 && c.Jitter <= MaxJitter) {
		add("jitter", fmt.Errorf("%v is not allowed; use 0 to %v", c.Jitter, MaxJitter))
	}
	if !(c.Renew >= 0 && c.Renew <= MaxRenew) { // so that NaN is refused
		add("renew", fmt.Errorf("%v is not allowed; use 0 to %v", c.Renew, MaxRenew))
	}
	add("home", c.Home.check())
	if _, err := c.Timezone.Location(); err != nil {
		add("timezone", err)
	}
	add("max_blocks", checkRange(c.MaxBlocks, 1, MaxMaxBlocks))
	add("max_tuples", checkRange(c.MaxTuples, 1, MaxMaxTuples))
	for _, err := range c.Budget.validate() {
		all = append(all, fmt.Errorf("budget.%w", err))
	}

	names := make(map[string]int, len(c.Rules))
	for i, r := range c.Rules {
		for _, err := range r.validate() {
			all = append(all, fmt.Errorf("rule[%d].%w", i, err))
		}
		if d := r.Duration; d != nil && r.Longest == nil && c.Longest > 0 && *d > c.Longest && checkDuration(*d) == nil {
			all = append(all, fmt.Errorf("rule[%d].duration: %v is longer than the longest of [policy], %v; use a shorter one or give the rule a longest too", i, *d, c.Longest))
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

// checkLongest takes 0, as of a Config that nobody filled in, for MaxDuration.
func checkLongest(c Config) error {
	if c.Longest == 0 {
		return nil
	}
	if err := checkDuration(c.Longest); err != nil {
		return err
	}
	if c.Longest < c.Duration && checkDuration(c.Duration) == nil {
		return fmt.Errorf("%v is shorter than the duration of %v; use one that is not", c.Longest, c.Duration)
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
	if err := c.Networks.check(); err != nil {
		return fmt.Errorf("networks: %w", err)
	}
	return nil
}

func (n Networks) check() error {
	for _, x := range n {
		if !x.IsValid() {
			return errors.New("an empty network; use " + networkAllowed)
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
