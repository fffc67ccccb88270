package agent

import (
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// Difference is a tuple on which two policies went different ways: their
// strongest decisions, and how each of them blocked it.
type Difference struct {
	Tuple        argusfeed.Tuple `json:"tuple"`
	Now          policy.Decision `json:"now"`
	Other        policy.Decision `json:"other"`
	NowBlocked   Blocked         `json:"now_blocked"`
	OtherBlocked Blocked         `json:"other_blocked"`
}

// Blocked is when and for how long a policy blocked a tuple by decisions on the
// tuple itself. It is a value.
type Blocked struct {
	// Blocks that began, renewals not counted.
	Blocks int `json:"blocks"`
	// First began then, and the last ends at Until; both are 0 where there is none.
	First argusfeed.Time `json:"first"`
	Until argusfeed.Time `json:"until"`
	// Seconds is how long it was blocked in all, what overlaps counted once.
	Seconds float64 `json:"seconds"`
}

func (b *Blocked) add(d policy.Decision) {
	until := d.Time.Add(d.Duration)
	if !d.Renewal || b.Blocks == 0 {
		if b.Blocks++; b.Blocks == 1 {
			b.First = d.Time
		}
	}
	if until > b.Until {
		b.Seconds += until.Sub(max(d.Time, b.Until)).Seconds()
		b.Until = until
	}
}

// trial is what a policy made of a tuple.
type trial struct {
	strongest policy.Decision
	blocked   Blocked
}

type trials map[argusfeed.Tuple]*trial

var actionRank = map[policy.Action]int{policy.ActionIgnore: 0, policy.ActionAlert: 1, policy.ActionBlock: 2}

func (m trials) add(d policy.Decision) {
	o, ok := m[d.Tuple]
	if !ok {
		o = &trial{strongest: d}
		m[d.Tuple] = o
	} else if actionRank[d.Action] > actionRank[o.strongest.Action] {
		o.strongest = d
	}
	if d.Action == policy.ActionBlock {
		o.blocked.add(d)
	}
}

// of gives what was made of a tuple; nothing, where it was not decided on.
func (m trials) of(t argusfeed.Tuple) trial {
	if o, ok := m[t]; ok {
		return *o
	}
	return trial{}
}

// notBlocked turns a block that failed into the alert that came of it.
func notBlocked(d policy.Decision, failed error) policy.Decision {
	if failed != nil {
		d.Action, d.Reason = policy.ActionAlert, d.Reason+"; but: "+failed.Error()
		d.Scope, d.Verdict, d.Duration, d.Renewal = "", "", 0, false
	}
	return d
}

func (r *ReplayReport) decideOther(o outcome) { r.others.add(notBlocked(o.decision, o.failed)) }

// differences lists the tuples on which the policies went different ways, in the
// order of the detections.
func (r *ReplayReport) differences() []Difference {
	if len(r.others) == 0 {
		return nil
	}
	var all []Difference
	for _, t := range r.Detections {
		now, other := r.ours.of(t.Tuple), r.others.of(t.Tuple)
		a, b := now.strongest, other.strongest
		if a.Action == b.Action && a.Duration == b.Duration && a.Scope == b.Scope && a.Verdict == b.Verdict && now.blocked == other.blocked {
			continue
		}
		all = append(all, Difference{Tuple: t.Tuple, Now: a, Other: b, NowBlocked: now.blocked, OtherBlocked: other.blocked})
	}
	return all
}
