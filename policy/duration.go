package policy

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that slips.toml may also give in days: "90s",
// "1h30m", "7d", "1d12h". A day is 24 hours.
type Duration time.Duration

const day = 24 * time.Hour

const durationAllowed = `a number with its unit (s, m, h, d), as in "90s", "12h" or "7d"`

// UnmarshalText reads a duration with its unit.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := parseDuration(string(b))
	if err != nil {
		return err
	}
	*d = Duration(v)
	return nil
}

func parseDuration(s string) (time.Duration, error) {
	wrong := fmt.Errorf("invalid duration: %q; use %s", s, durationAllowed)
	days, rest, hasDays := strings.Cut(s, "d")
	if !hasDays {
		v, err := time.ParseDuration(s)
		if err != nil {
			return 0, wrong
		}
		return v, nil
	}
	n, err := strconv.ParseFloat(days, 64)
	if err != nil || !(math.Abs(n) <= 10_000) {
		return 0, wrong
	}
	v := time.Duration(n * float64(day))
	if rest == "" {
		return v, nil
	}
	more, err := time.ParseDuration(rest)
	if err != nil || more < 0 || rest[0] == '+' || n < 0 {
		return 0, wrong
	}
	return v + more, nil
}

// MarshalText writes what UnmarshalText reads. It never fails.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// String writes whole days as such, and 1h for what time.Duration calls 1h0m0s.
func (d Duration) String() string { return shortDuration(time.Duration(d)) }

// Durations is a list of durations, in TOML one or a list of them, which may be
// empty.
type Durations []Duration

// UnmarshalTOML reads one duration or a list.
func (d *Durations) UnmarshalTOML(data any) error {
	list, err := unmarshalList[Duration](data, durationAllowed+", or a list of them")
	if err != nil {
		return err
	}
	*d = append(Durations{}, list...)
	return nil
}

func checkDuration(d Duration) error {
	if time.Duration(d) < MinDuration || time.Duration(d) > MaxDuration {
		return fmt.Errorf(`%v is not allowed; use "1s" to "30d", with the unit`, d)
	}
	return nil
}

// checkPause allows none as well.
func checkPause(d Duration) error {
	if d < 0 || time.Duration(d) > MaxDuration {
		return fmt.Errorf(`%v is not allowed; use "0s" to "30d", with the unit`, d)
	}
	return nil
}

// maxSteps is how many lengths repeat may list.
const maxSteps = 16

// checkSteps wants lengths that grow.
func checkSteps(steps Durations) error {
	if len(steps) > maxSteps {
		return fmt.Errorf("%d durations are too many; use at most %d", len(steps), maxSteps)
	}
	var all []error
	for i, d := range steps {
		if err := checkDuration(d); err != nil {
			all = append(all, err)
		} else if i > 0 && d < steps[i-1] {
			all = append(all, fmt.Errorf("%v comes after %v; a later block is never shorter, so write them in order", d, steps[i-1]))
		}
	}
	return errors.Join(all...)
}
