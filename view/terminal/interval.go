package terminal

import "time"

// Intervals of drawing: what + and - choose from, and what --every takes.
var intervals = []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute}

// The limits and defaults of Options.
const (
	LeastEvery   = 250 * time.Millisecond
	MostEvery    = time.Hour
	DefaultEvery = 2 * time.Second
	// DefaultRate is in bytes a second. A line of the slowest modems carries it.
	DefaultRate = 4000
	LeastRate   = 100
)

// faster goes to the next interval, from the next drawing on.
func (m *model) faster(up bool) {
	next := m.pace.every
	if up {
		for _, d := range intervals {
			if d < m.pace.every {
				next = d
			}
		}
	} else {
		for i := len(intervals) - 1; i >= 0; i-- {
			if d := intervals[i]; d > m.pace.every {
				next = d
			}
		}
	}
	m.pace.every = next
	m.say(false, "drawn every %s", next)
}
