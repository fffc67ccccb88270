package numbers

import (
	"strconv"
	"time"
)

// Duration writes a duration in its two largest units, to the second: 3d4h, 5m10s;
// below a second to the millisecond.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + Duration(-d)
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	}
	d = d.Round(time.Second)
	text, kept := "", 0
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}} {
		if kept == 2 || kept == 1 && d < unit.is {
			break
		}
		if n := d / unit.is; n > 0 {
			text += strconv.FormatInt(int64(n), 10) + unit.name
			d -= n * unit.is
			kept++
		}
	}
	return text
}

// Left writes how long something still lasts, to the second: 0s where it is over.
func Left(d time.Duration) string {
	if d = d.Round(time.Second); d <= 0 {
		return "0s"
	}
	return Duration(d)
}

// Ago writes how long before now t was. Two clocks may differ by a little: what is to
// come is now.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return Left(now.Sub(t)) + " ago"
}
