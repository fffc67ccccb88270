package agent

import (
	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// Evidence is what pictures of a detected tuple are made of.
type Evidence struct {
	Scorer string
	// Scores are those of its matches, thinned evenly to maxScores at most.
	Scores []TimedScore
	// Contacts, For and Against are as in detection.Explanation, at the end of the
	// replay; empty where the tuple was forgotten before.
	Contacts     []detection.Contact
	For, Against []string

	skip, skipped int // between two scores that are kept
}

// TimedScore is the score of one match.
type TimedScore struct {
	Time  argusfeed.Time
	Score float64
}

// maxScores is how many scores of a tuple are kept, maxEvidence of how many tuples
// there is any: those that are detected first.
const (
	maxScores   = 256
	maxEvidence = 10_000
)

func (e *Evidence) add(d *detection.Detection) {
	e.Scorer = d.Scorer
	if e.skipped < e.skip {
		e.skipped++
		return
	}
	e.skipped = 0
	if len(e.Scores) == maxScores {
		for i := range maxScores / 2 {
			e.Scores[i] = e.Scores[2*i]
		}
		e.Scores = e.Scores[:maxScores/2]
		e.skip = 2*e.skip + 1
	}
	e.Scores = append(e.Scores, TimedScore{d.Time, d.Score})
}

// gather asks the detector what it remembers of the tuples in the end.
func (r *ReplayReport) gather(d *detection.Detector) {
	for tuple, t := range r.tuples {
		if t.Evidence == nil {
			continue
		}
		if e, ok := d.Explain(tuple); ok {
			t.Evidence.Contacts, t.Evidence.For, t.Evidence.Against = e.Contacts, e.For, e.Against
		}
	}
}
