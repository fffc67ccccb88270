package argusfeed

// The time of a feed is that of its records. No single one may move it far, or
// one damaged record would end all flows.
const (
	// leapSpan is how far ahead of all before it a record may end. Beyond it a
	// second one must follow.
	leapSpan = reportSpan
	// behindSpan is how much later than its clock allows a record may come.
	behindSpan Time = 2e6
	// trustedRecords in a row that are too old show that the clock of the probe
	// was set back.
	trustedRecords = 100
)

// toldBy is how far Argus has told of a flow with a record that ends at end: it
// was written after all that has come, the first one of a flow when the interval
// was over, and a live one just before it arrived.
func (j *joiner) toldBy(rec *FlowRecord, end Time) Time {
	told := end
	if rec.Cause == CauseStart {
		told = max(told, rec.Start+j.known)
	}
	if at := j.pool.arrived; at != 0 {
		told = max(told, at-j.lag.least(at, at-told))
	}
	return max(told, j.now)
}

// lag is how much later than Argus's clock says a record arrives, at the least:
// the difference of the clocks, and the way. It is learned anew all the time, as
// clocks drift.
type lag struct {
	before, now Time // the least of the span before this one, and of this one
	since       Time // when this span began; 0: nothing is known
}

const lagSpan Time = 60e6

// least takes in that a record written at at-d or later arrived at at.
func (l *lag) least(at, d Time) Time {
	switch {
	case l.since == 0:
		*l = lag{before: d, now: d, since: at}
	case at-l.since > lagSpan:
		*l = lag{before: l.now, now: d, since: at}
	}
	l.now = min(l.now, d)
	return min(l.before, l.now)
}

// timely tells whether a record that ends at end can be joined with others.
// Those that cannot leave the time of the feed where it is.
func (j *joiner) timely(end Time) bool {
	switch {
	case j.now == 0:
	case end > j.now+leapSpan:
		if j.ahead++; j.ahead == 1 {
			return false
		}
	case end < j.now-j.wait()-behindSpan: // Argus would have told of it long ago
		if j.behind++; j.behind < trustedRecords {
			return end >= j.now-j.wait()-reportSpan
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
	j.now, j.lag = 0, lag{}
}
