package report

import "time"

// slotTime writes a time as the original did.
func slotTime(t time.Time) string { return t.Format("2006-01-02 15:04:05.000000") }
