package whatif

import (
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// Trial is what a policy made of a tuple; the zero value is nothing, where it was
// not decided on.
type Trial struct {
	// Strongest is the first of the decisions that did the most; of those that did the
	// same one that had the evidence for more counts as stronger.
	Strongest policy.Decision
	Blocked   Blocked
}

// Trials are what a policy made of each tuple. The zero value is ready for use.
type Trials struct {
	// From is when what counts begins: of what was decided before only blocks do
	// that were still in force then.
	From argusfeed.Time

	byTuple map[argusfeed.Tuple]*Trial
	order   []argusfeed.Tuple // of the first decisions
}

// rank orders decisions by what they did.
func rank(d policy.Decision) int {
	r := 0
	switch d.Action {
	case policy.ActionAlert:
		r = 2
	case policy.ActionBlock:
		r = 4
	}
	if d.Confirmed {
		r++
	}
	return r
}

// Add takes note of a decision; they come in the order of time.
func (t *Trials) Add(d policy.Decision) {
	if d.Time < t.From && (d.Action != policy.ActionBlock || d.Time.Add(d.Duration) <= t.From) {
		return
	}
	if t.byTuple == nil {
		t.byTuple = map[argusfeed.Tuple]*Trial{}
	}
	o, ok := t.byTuple[d.Tuple]
	if !ok {
		o = &Trial{Strongest: d}
		t.byTuple[d.Tuple] = o
		t.order = append(t.order, d.Tuple)
	} else if rank(d) > rank(o.Strongest) {
		o.Strongest = d
	}
	if d.Action == policy.ActionBlock {
		o.Blocked.add(d, t.From)
	}
}

// Of gives what was made of a tuple.
func (t *Trials) Of(tuple argusfeed.Tuple) Trial {
	if o, ok := t.byTuple[tuple]; ok {
		return *o
	}
	return Trial{}
}

// Tuples gives those that were decided on, in the order of the first decisions.
func (t *Trials) Tuples() []argusfeed.Tuple { return t.order }

// NotBlocked turns a block that failed into the alert that came of it; where
// failed is nil the decision stays as it is.
func NotBlocked(d policy.Decision, failed error) policy.Decision {
	if failed != nil {
		d.Action, d.Reason = policy.ActionAlert, d.Reason+"; but: "+failed.Error()
		d.Scope, d.Verdict, d.Duration, d.Renewal = "", "", 0, false
	}
	return d
}
