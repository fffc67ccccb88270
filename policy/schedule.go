package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Hours is a list of times of the day, in TOML one or a list of them:
// "08:00-18:00", "22:00-06:00". Nil stands for the whole day.
type Hours []HourRange

// HourRange is a part of the day, in minutes since midnight: from From, before
// To. Where To is not after From it goes on after midnight.
type HourRange struct{ From, To int }

const (
	minutesOfDay = 24 * 60
	hoursAllowed = `a time of the day ("08:00-18:00", over midnight "22:00-06:00"), or a list of them`
)

// UnmarshalTOML reads one range or a list.
func (h *Hours) UnmarshalTOML(data any) error {
	list, err := unmarshalList[HourRange](data, hoursAllowed)
	if err != nil {
		return err
	}
	if list == nil {
		return errors.New("the list is empty; use " + hoursAllowed + ", or leave the key out for the whole day")
	}
	*h = list
	return nil
}

// UnmarshalText reads 08:00-18:00.
func (r *HourRange) UnmarshalText(b []byte) error {
	from, to, _ := strings.Cut(string(b), "-")
	first, ok1 := parseClock(from)
	last, ok2 := parseClock(to)
	v := HourRange{first, last}
	if !ok1 || !ok2 || v.check() != nil {
		return fmt.Errorf("%q is not allowed; use %s", b, hoursAllowed)
	}
	*r = v
	return nil
}

// parseClock gives the minutes since midnight; 24:00 is the end of the day.
func parseClock(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if s == "24:00" {
		return minutesOfDay, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil
}

// MarshalText writes what UnmarshalText reads. It never fails.
func (r HourRange) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%02d:%02d-%02d:%02d", r.From/60, r.From%60, r.To/60, r.To%60), nil
}

func (r HourRange) check() error {
	if r.From < 0 || r.From >= minutesOfDay || r.To < 0 || r.To > minutesOfDay || r.From == r.To {
		return errors.New("an empty or impossible time of the day; use " + hoursAllowed)
	}
	return nil
}

func (h Hours) check() error {
	for _, r := range h {
		if err := r.check(); err != nil {
			return err
		}
	}
	return nil
}

// Days is a list of days of the week, in TOML one or a list of them: "mon",
// ["sat", "sun"]. Nil stands for all of them.
type Days []Day

// Day is a day of the week.
type Day time.Weekday

const daysAllowed = "mon, tue, wed, thu, fri, sat or sun, or a list of them"

var dayNames = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// UnmarshalTOML reads one day or a list.
func (d *Days) UnmarshalTOML(data any) error {
	list, err := unmarshalList[Day](data, daysAllowed)
	if err != nil {
		return err
	}
	if list == nil {
		return errors.New("the list is empty; use " + daysAllowed + "; or leave the key out for all of them")
	}
	*d = list
	return nil
}

// UnmarshalText reads the first letters of an English day, or all of them.
func (d *Day) UnmarshalText(b []byte) error {
	text := strings.ToLower(string(b))
	for i, name := range dayNames {
		if text == name || text == strings.ToLower(time.Weekday(i).String()) {
			*d = Day(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not allowed; use %s", b, daysAllowed)
}

// MarshalText writes what UnmarshalText reads. It never fails.
func (d Day) MarshalText() ([]byte, error) {
	if d < 0 || int(d) >= len(dayNames) {
		return nil, fmt.Errorf("%d is no day of the week", int(d))
	}
	return []byte(dayNames[d]), nil
}

func (d Days) check() error {
	for _, x := range d {
		if x < 0 || int(x) >= len(dayNames) {
			return fmt.Errorf("%d is no day of the week; use %s", int(x), daysAllowed)
		}
	}
	return nil
}

// fitsSchedule tells whether t is in one of the hours of one of the days. What
// goes on after midnight belongs to the day that it began on.
func fitsSchedule(hours Hours, days Days, t time.Time) bool {
	onDay := func(w time.Weekday) bool { return len(days) == 0 || slices.Contains(days, Day(w)) }
	if len(hours) == 0 {
		return onDay(t.Weekday())
	}
	minute := t.Hour()*60 + t.Minute()
	for _, r := range hours {
		switch {
		case r.From < r.To:
			if minute >= r.From && minute < r.To && onDay(t.Weekday()) {
				return true
			}
		case minute >= r.From:
			if onDay(t.Weekday()) {
				return true
			}
		case minute < r.To:
			if onDay((t.Weekday() + 6) % 7) {
				return true
			}
		}
	}
	return false
}

// Zone is a time zone by its name in the IANA database, such as
// "Europe/Berlin"; "local" or empty is that of this host.
type Zone string

// Location finds the zone.
func (z Zone) Location() (*time.Location, error) {
	if z == "" || strings.EqualFold(string(z), "local") {
		return time.Local, nil
	}
	l, err := time.LoadLocation(string(z))
	if err != nil {
		return nil, fmt.Errorf(`%q is not known here; use "local", "UTC" or a name such as "Europe/Berlin" (Debian's package tzdata has them)`, string(z))
	}
	return l, nil
}
