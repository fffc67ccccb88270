package policy

import (
	"fmt"
	"strconv"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// count gives the number of times within a span of now, and the first of them:
// a match counts in full until the span is over, and then no more.
func count(times []argusfeed.Time, now argusfeed.Time, span time.Duration) (n int, first argusfeed.Time) {
	first = now
	for _, t := range times {
		if absSub(t, now) < span {
			n++
			first = min(first, t)
		}
	}
	return n, first
}

// missing says what a block of the rule needs besides matches and has not;
// empty: nothing.
func (r *compiled) missing(d detection.Detection) string {
	if d.Normal != "" {
		return "the normal model " + quoted(d.Normal) + " fits it as well"
	}
	if r.score > 0 {
		switch p, ok := d.Probability(); {
		case !ok:
			return fmt.Sprintf("%s gives no probability, and %s is asked for (score)", quoted(d.Scorer), number(r.score))
		case !(p >= r.score): // so that NaN is too little
			return fmt.Sprintf("a probability of %s is asked for (score)", number(r.score))
		}
	}
	if d.Flows < r.flows {
		return fmt.Sprintf("%d flows are asked for (flows)", r.flows)
	}
	return ""
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', 5, 64) }

// grave tells whether a block deserves the reserve of the budget: a model of
// something known speaks for it, it was blocked before, or its first match was
// long ago. A storm of new tuples is none of these.
func grave(dec *Decision, d detection.Detection, v View) bool {
	_, probable := d.Probability()
	return dec.Offence > 0 || probable && !d.Generic ||
		v.Evidence.First != 0 && d.Time.Sub(v.Evidence.First) >= longSince
}
