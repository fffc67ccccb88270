package whatif

import (
	"cmp"
	"slices"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// Report is what the policy in force and another one make of the matches that the
// history has of a time.
type Report struct {
	// Since and Until are the time that was looked at. Since is later than what was
	// asked for where the history begins later.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Matches there were of so many Tuples.
	Matches uint64 `json:"matches"`
	Tuples  int    `json:"tuples"`
	// Spread is how many of the matches the history has only counted: they are laid
	// out evenly between those that it has, with the numbers of the next one.
	Spread uint64 `json:"spread_matches"`
	// Now is what the policy in force would have done with them, Other the other one.
	Now   Outcome `json:"now"`
	Other Outcome `json:"other"`
	// Differences are the tuples that the two treat differently, the first MaxRows
	// of them; DifferencesLeftOut is how many more there are.
	Differences        []Difference `json:"differences"`
	DifferencesLeftOut int          `json:"differences_left_out"`
	// Unknown says in words what the history cannot tell, so that it is not in here.
	Unknown []string `json:"unknown"`
}

// MaxRows bounds each list of a Report.
const MaxRows = 1000

// Outcome is what one policy would have done.
type Outcome struct {
	// Blocks would have begun, renewals not counted, of so many Tuples, which would
	// have been blocked for so many Seconds, those of all tuples added up.
	Blocks  int     `json:"blocks"`
	Tuples  int     `json:"tuples"`
	Seconds float64 `json:"seconds"`
	// Alerted and Ignored count the tuples of which nothing was blocked.
	Alerted int `json:"alerted"`
	Ignored int `json:"ignored"`
	// Blocked are the tuples that would have been blocked, those that would have
	// been for the longest first, MaxRows at most; LeftOut is how many more there are.
	Blocked []BlockedTuple `json:"blocked"`
	LeftOut int            `json:"left_out"`
}

// BlockedTuple is a tuple that a policy would have blocked, with the first of the
// decisions that did.
type BlockedTuple struct {
	Tuple    argusfeed.Tuple `json:"tuple"`
	Decision policy.Decision `json:"decision"`
	Blocked  Blocked         `json:"blocked"`
}

// Outcome sums up.
func (t *Trials) Outcome() Outcome {
	o := Outcome{Blocked: []BlockedTuple{}}
	for _, tuple := range t.order {
		trial := t.byTuple[tuple]
		switch trial.Strongest.Action {
		case policy.ActionBlock:
			o.Tuples++
			o.Blocks += trial.Blocked.Blocks
			o.Seconds += trial.Blocked.Seconds
			o.Blocked = append(o.Blocked, BlockedTuple{tuple, trial.Strongest, trial.Blocked})
		case policy.ActionAlert:
			o.Alerted++
		default:
			o.Ignored++
		}
	}
	slices.SortStableFunc(o.Blocked, func(a, b BlockedTuple) int { return cmp.Compare(b.Blocked.Seconds, a.Blocked.Seconds) })
	if more := len(o.Blocked) - MaxRows; more > 0 {
		o.Blocked, o.LeftOut = o.Blocked[:MaxRows:MaxRows], more
	}
	return o
}

// Compare fills in what the two policies did.
func (r *Report) Compare(now, other *Trials) {
	r.Now, r.Other = now.Outcome(), other.Outcome()
	// Both were asked about the same matches.
	r.Differences = Differences(other.Tuples(), now, other)
	if r.Differences == nil {
		r.Differences = []Difference{}
	}
	if more := len(r.Differences) - MaxRows; more > 0 {
		r.Differences, r.DifferencesLeftOut = r.Differences[:MaxRows:MaxRows], more
	}
}
