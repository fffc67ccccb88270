package policy

import (
	"strconv"
	"time"

	"slips-ips/detection"
)

// Missing says in words what keeps dec, the answer to d and v, from being a block, a
// reason each: what there is too little of, with how much, or what is against it.
// There are none where it is a block, or where one is in force.
func (e *Engine) Missing(d detection.Detection, v View, dec Decision) (all []string) {
	if dec.Action == ActionBlock || dec.Cause == CauseInForce {
		return nil
	}
	r := e.rule(d, v, dec.Direction)
	name := "rule " + quoted(r.name)
	if r.name == DefaultRule {
		name = "the default"
	}
	switch dec.Cause {
	case CauseRule:
		if r.below != nil {
			return []string{"a probability of " + number(*r.below) + " or more: below it " + name + " says " + string(r.action)}
		}
		return []string{"nothing: " + name + " says " + string(r.action) + ", whatever the evidence"}
	case CauseUnconfirmed:
		if n := r.matches - dec.Matches; n > 0 {
			b := appendCount(nil, uint64(n), "more match", "more matches")
			b = append(append(b, " within "...), strconv.Itoa(r.windows)...)
			all = append(all, string(b)+" windows of "+e.widthText+" ("+name+" asks for "+strconv.Itoa(r.matches)+")")
		}
		if missing := r.missing(d); missing != "" {
			all = append(all, missing)
		}
	case CauseGrace:
		left := (r.grace - v.Now.Sub(v.Started)).Round(time.Second)
		all = append(all, shortDuration(max(time.Second, left))+" more of the time in which nothing is blocked (grace)")
	default:
		_, _, against := e.judge(d, v, r, &dec, r.missing(d))
		all = append(all, against)
	}
	return all
}
