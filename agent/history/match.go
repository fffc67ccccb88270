package history

import (
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// Match is a detection as far as a policy looks at it. A tuple that goes on
// matching is not kept match by match: of each episode the first exactMatches are,
// then one in keepEvery, which stands for those since the one before.
type Match struct {
	// At is when the agent saw it, by its clock; Time the start of the flow.
	At   time.Time
	Time argusfeed.Time
	// Count is how many matches it stands for, itself among them. Score is then the
	// strongest of them, the rest is of the newest.
	Count     uint64
	Score     float64
	Flows     uint64
	Gap       time.Duration
	Source    uint16
	Generic   bool
	Behaviour string
	// Normal is the label of a normal model that fits as well.
	Normal string
}

const (
	// exactMatches is how many matches of an episode are kept each, before they are
	// thinned out: what confirms a block is among the first.
	exactMatches = 64
	// keepEvery is how far those are apart that are kept after.
	keepEvery = 10 * time.Minute
)

func matchOf(d detection.Detection, at time.Time) Match {
	d = encodable(d)
	return Match{
		At: at, Time: d.Time, Count: 1, Score: d.Score, Flows: d.Flows, Gap: d.Gap,
		Source: d.Source, Generic: d.Generic, Behaviour: d.Behaviour, Normal: d.Normal,
	}
}

// thinning is how far the matches of an episode are kept.
type thinning struct {
	seen uint64 // matches there were
	// kept is when the newest was kept, pending how many came since, and score the
	// strongest of them.
	kept    time.Time
	pending uint64
	score   float64
}

// take takes note of the next match of the episode and tells whether it is to be
// kept; it stands for those that were not, then.
func (n *thinning) take(m *Match, stronger func(a, b float64) bool) (keep bool) {
	n.seen += m.Count
	if n.pending == 0 || stronger(m.Score, n.score) {
		n.score = m.Score
	}
	n.pending += m.Count
	if n.seen > exactMatches && m.At.Sub(n.kept) < keepEvery {
		return false
	}
	m.Count, m.Score = n.pending, n.score
	n.kept, n.pending = m.At, 0
	return true
}
