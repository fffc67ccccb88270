package policy

import (
	"cmp"
	"strconv"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// Review tells whether a block that is in force would be made by this engine
// too: dec is the newest decision that asked for it, det the detection that dec
// answered. It is for listing what a new policy would not do; why says what is
// against the block, and is empty where it may stay.
//
// Of the view it looks at Protected, which may be nil (not known: nothing is
// protected then), at Home and Feed, and at Evidence, what is known of the tuple's
// matches now (Tracker.Evidence), which may be empty. What counts are matches:
// those of dec, as far as they are within the windows that the rule asks for, or
// those of the evidence; the scope; and what else the rule asks for. Nothing else
// is a reason: not a shorter duration, not the budget, not the age of the flow.
//
// A block by hand has no detection; it stays unless an end of it is protected.
// Neither has one that was adopted from the kernel and is in no history: of that,
// ask Protected.RefusesBlock.
func (e *Engine) Review(dec Decision, det detection.Detection, v View) (keep bool, why string) {
	if v.Protected != nil {
		b := Block{Tuple: dec.Tuple, Scope: dec.Scope, Forced: dec.Cause == CauseForced}
		if why, refused := v.Protected.RefusesBlock(b); refused {
			return false, why
		}
	}
	if dec.Rule == RuleByHand {
		return true, ""
	}
	r := e.rule(det, v, e.direction(det.Tuple, v))
	name := "rule " + r.name
	if r.name == DefaultRule {
		name = "no rule fits and the default"
	}
	if r.action != ActionBlock {
		return false, name + " says " + string(r.action)
	}
	if !r.scope.covers(cmp.Or(dec.Scope, ScopeTuple)) {
		return false, name + " blocks the " + string(r.scope) + ", not the " + string(dec.Scope)
	}
	if v.Protected != nil {
		if why, refused := v.Protected.Refuses(dec.Tuple, r.scope); refused {
			return false, name + " blocks the " + string(r.scope) + ": " + why
		}
	}
	if missing := r.missing(det); missing != "" {
		return false, name + " does not block yet: " + missing
	}
	n := 1 // the detection itself
	if absSub(det.Time, dec.Since) < r.span {
		n = max(n, dec.Matches)
	}
	if n = max(n, densest(v.Evidence.Times, r.span)); n < r.matches {
		b := append([]byte(name), " asks for "...)
		b = appendCount(b, uint64(r.matches), "match", "matches")
		b = append(b, " within "...)
		b = appendCount(b, uint64(r.windows), "window", "windows")
		b = append(b, " of "...)
		b = append(b, e.widthText...)
		b = append(b, ", known are "...)
		return false, string(strconv.AppendInt(b, int64(n), 10))
	}
	return true, ""
}

// densest is how many of the times are within a span, at most, that ends with one
// of them.
func densest(times []argusfeed.Time, span time.Duration) (most int) {
	for _, end := range times {
		n := 0
		for _, t := range times {
			if before := end.Sub(t); before >= 0 && before < span {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}
