package argusfeed

// The time of a feed is that of its records. No single one may move it far, or
// one damaged record would end all flows.
const (
	// leapSpan is how far ahead of all before it a record may end. Beyond it a
	// second one must follow.
	leapSpan = reportSpan
	// trustedRecords in a row that are too old show that the clock of the probe
	// was set back.
	trustedRecords = 100
)

// timely tells whether a record that ends at end can be joined with others.
// Those that cannot leave the time of the feed where it is.
func (j *joiner) timely(end Time) bool {
	switch {
	case j.now == 0:
	case end > j.now+leapSpan:
		if j.ahead++; j.ahead == 1 {
			return false
		}
	case end < j.now-reportSpan-j.wait():
		if j.behind++; j.behind < trustedRecords {
			return false
		}
		j.restart()
	}
	j.ahead, j.behind = 0, 0
	return true
}

// mayRestart expects a time that is not that of the records before: Argus has
// begun anew, perhaps with another capture.
func (j *joiner) mayRestart() { j.ahead, j.behind = 1, trustedRecords-1 }

// restart ends everything; the time is that of the next record.
func (j *joiner) restart() {
	j.flush()
	j.now = 0
}
