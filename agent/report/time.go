package report

import "time"

// slotTime writes a time as the original did, which is Python's way: without a
// fraction where there is none.
func slotTime(t time.Time) string {
	if t.Nanosecond() == 0 {
		return t.Format(time.DateTime)
	}
	return t.Format("2006-01-02 15:04:05.000000")
}
