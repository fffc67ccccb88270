package main

import (
	"errors"
	"fmt"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
)

// errMoment says how points in time are written.
var errMoment = errors.New(`use how long ago, as in 90s, 2h or 7d, or a time, as in "2026-03-01 12:30", 2026-03-01, 12:30 or 2026-03-01T12:30:00Z`)

// parseMoment reads a point in time: how long before now, or in the local zone.
func parseMoment(s string, now time.Time) (time.Time, error) {
	if d, err := control.ParseDuration(s); err == nil {
		return now.Add(-d), nil
	}
	if t, err := parseTime(s, now); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q: %w", s, errMoment)
}

// parseTime reads a time in the local zone, unless it names one.
func parseTime(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{time.DateTime, "2006-01-02 15:04", time.DateOnly, "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	for _, layout := range []string{"15:04", time.TimeOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			y, m, d := now.Local().Date()
			return time.Date(y, m, d, t.Hour(), t.Minute(), t.Second(), 0, time.Local), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time", s)
}

// localTime writes a time for people.
func localTime(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format(time.DateTime)
}

// durationFlag is a flag that takes days as well. Its zero value stands for a flag that
// is not given, so nobody can give it: 0s must not mean "as usual" or "always".
type durationFlag time.Duration

func (d *durationFlag) Set(s string) error {
	v, err := control.ParseDuration(s)
	if err == nil && v == 0 {
		err = fmt.Errorf("%q: too short; use more than 0", s)
	}
	*d = durationFlag(v)
	return err
}

func (d *durationFlag) String() string {
	if *d == 0 {
		return ""
	}
	return numbers.Duration(time.Duration(*d))
}

// Type names the kind of value in help texts.
func (d *durationFlag) Type() string { return "duration" }
