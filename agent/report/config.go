package report

import (
	"errors"
	"fmt"
	"time"
)

// Config is the table [report] of slips.toml.
type Config struct {
	// Tuples says which tuples are printed at the end of a time window.
	Tuples Tuples `toml:"tuples"`
	// MinLetters keeps tuples with fewer letters from being printed.
	MinLetters int `toml:"min_letters"`

	Limit    LimitConfig     `toml:"limit"`
	EVE      EVEConfig       `toml:"eve"`
	Journald JournaldConfig  `toml:"journald"`
	Syslog   SyslogConfig    `toml:"syslog"`
	Exec     []ExecConfig    `toml:"exec"`
	Webhooks []WebhookConfig `toml:"webhook"`
	Desktop  DesktopConfig   `toml:"desktop"`
	Sound    SoundConfig     `toml:"sound"`
}

// DefaultConfig prints detected tuples; every output is off.
func DefaultConfig() Config {
	return Config{
		Tuples:   TuplesDetected,
		Limit:    DefaultLimitConfig(),
		EVE:      DefaultEVEConfig(),
		Journald: DefaultJournaldConfig(),
		Syslog:   DefaultSyslogConfig(),
		Desktop:  DefaultDesktopConfig(),
		Sound:    DefaultSoundConfig(),
	}
}

// The most outputs of a kind: each has goroutines and a queue.
const maxOutputs = 16

// Validate checks the values and opens nothing. Its errors begin with the key.
func (c Config) Validate() error {
	var all []error
	if c.MinLetters < 0 {
		all = append(all, fmt.Errorf("min_letters: %d is not allowed; use 0 or more", c.MinLetters))
	}
	if err := c.Tuples.check(); err != nil {
		all = append(all, err)
	}
	add := func(table string, wrong []error) {
		for _, err := range wrong {
			all = append(all, fmt.Errorf("%s.%w", table, err))
		}
	}
	add("limit", c.Limit.validate())
	add("eve", c.EVE.validate())
	add("journald", c.Journald.validate())
	add("syslog", c.Syslog.validate())
	names := map[string]bool{}
	for i, e := range c.Exec {
		add(fmt.Sprintf("exec[%d]", i), append(e.validate(), checkName(e.Name, names)...))
	}
	names = map[string]bool{}
	for i, w := range c.Webhooks {
		add(fmt.Sprintf("webhook[%d]", i), append(w.validate(), checkName(w.Name, names)...))
	}
	add("desktop", c.Desktop.validate())
	add("sound", c.Sound.validate())
	for name, n := range map[string]int{"exec": len(c.Exec), "webhook": len(c.Webhooks)} {
		if n > maxOutputs {
			all = append(all, fmt.Errorf("%s: %d of them are not allowed; use at most %d", name, n, maxOutputs))
		}
	}
	return errors.Join(all...)
}

// checkName checks the name of an output, which is also that of its folder.
func checkName(name string, seen map[string]bool) []error {
	ok := name != "" && len(name) <= 32
	for i := range len(name) {
		c := name[i]
		ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || i > 0 && (c == '-' || c == '_'))
	}
	switch {
	case !ok:
		return []error{fmt.Errorf("name: %q is not allowed; use 1 to 32 of a-z, 0-9, - and _, a letter or digit first", name)}
	case seen[name]:
		return []error{fmt.Errorf("name: %q is there already; use another one", name)}
	}
	seen[name] = true
	return nil
}

// The limits of a queue, in events, and its default length.
const (
	leastQueue, mostQueue = 16, 1_000_000
	defaultQueue          = 4096
)

// checkQueue checks the key queue of an output.
func checkQueue(n int) []error {
	if n < leastQueue || n > mostQueue {
		return []error{fmt.Errorf("queue: %d is not allowed; use %d to %d", n, leastQueue, mostQueue)}
	}
	return nil
}

// checkSpan checks a duration.
func checkSpan(key string, d, least, most time.Duration) []error {
	if d < least || d > most {
		return []error{fmt.Errorf("%s: %v is not allowed; use %q to %q, with the unit", key, d, short(least), short(most))}
	}
	return nil
}

// short writes a duration without the units that are 0.
func short(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d >= u.unit && d%u.unit == 0 {
			return fmt.Sprintf("%d%s", d/u.unit, u.name)
		}
	}
	return d.String()
}
