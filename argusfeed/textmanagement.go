package argusfeed

import "time"

// Management is a management row: what Argus reports of itself every
// ARGUS_MAR_STATUS_INTERVAL. It carries the wall clock of the probe and says
// nothing about flows, so it must not move the time of a detector.
type Management struct {
	// Time is when the row was made and Interval what it covers.
	Time     Time
	Interval time.Duration
	// State is STA for the first row, CON, and STP for the last.
	State string
	// Dropped counts the packets that the capture lost in the interval.
	Dropped uint64
	// Packets counts the packets that were seen in it.
	Packets uint64
	// Clients is how many read this Argus; a file counts as one.
	Clients uint64
}

// Management gives the newest management row. It is valid after Next has
// returned a SkipError of the kind SkipManagement.
func (t *Text) Management() Management { return t.man }

// management reads a row whose columns have another meaning than in a flow.
func (t *Text) management(n int) {
	at, _ := t.clock.parse(t.column(colStart, n))
	t.man = Management{
		Time:     at,
		Interval: parseDuration(t.column(colDur, n)),
		State:    t.words.get(trim(t.column(colState, n))),
		Dropped:  parseCount(t.column(colSport, n)),
		Packets:  parseCount(t.column(colPackets, n)),
		Clients:  parseCount(t.column(colDport, n)),
	}
}
