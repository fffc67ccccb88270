package detection

import (
	"time"

	"slips-ips/argusfeed"
)

// Detection is one match: a flow after which the letters or the behaviour of
// its tuple matched a malicious model. It is a value and serialises to JSON.
type Detection struct {
	Tuple argusfeed.Tuple `json:"tuple"`
	// Label is that of the model that matched best, Model its file.
	Label string `json:"label"`
	Model string `json:"model"`
	// Scorer names what compared: slips-0.3.3 or behaviour.
	Scorer string `json:"scorer"`
	// Score and Threshold are in the scorer's own unit: for behaviour the
	// probability of command and control and the smallest that alerts, for
	// slips-0.3.3 the distance from the model and the largest that matches. See
	// Stronger and Probability.
	Score     float64 `json:"score"`
	Threshold float64 `json:"threshold"`
	// Letters are the newest letters of the tuple, bounded.
	Letters string `json:"letters"`
	// Flows is how many flows of the tuple there have been.
	Flows uint64 `json:"flows"`
	// Time is the start of the flow that decided, Window the start of the time
	// window that it fell in.
	Time   argusfeed.Time `json:"time"`
	Window argusfeed.Time `json:"window"`
	// Source is the number of the feed of that flow.
	Source uint16 `json:"source"`
	// Why says in words what made it match, with what spoke for and against it.
	Why string `json:"why"`
	// Behaviour is the class of the behaviour, whatever the label names it
	// after; empty for slips-0.3.3.
	Behaviour string `json:"behaviour,omitempty"`
	// Generic says that no model of something known spoke for it: the label is
	// at most that of the one it is like.
	Generic bool `json:"generic,omitempty"`
	// Normal is the label of a normal model that fits as well and was outweighed;
	// empty: none.
	Normal string `json:"normal,omitempty"`
	// Gap is the median time between two contacts; 0 where the scorer does not
	// measure it.
	Gap time.Duration `json:"gap_ns,omitempty"`
}

// Probability is that of command and control, where the scorer gives one.
func (d Detection) Probability() (p float64, ok bool) {
	if d.Scorer != string(ScoringBehaviour) {
		return 0, false
	}
	return d.Score, true
}

// Stronger tells whether d says more than a detection of the same tuple by the
// same scorer with another score.
func (d Detection) Stronger(than float64) bool {
	return Scoring(d.Scorer).Stronger(d.Score, than)
}

// Stronger tells whether a score of that scorer says more than another one.
func (s Scoring) Stronger(score, than float64) bool {
	if s == ScoringBehaviour {
		return score > than
	}
	return score < than
}
