package detection

import (
	"cmp"
	"fmt"
	"slices"
)

// nearMisses is how many of the models that do not match an explanation names.
const nearMisses = 3

func (r *reference) explain(t *entry, e *Explanation) {
	switch {
	case len(r.all) == 0:
		e.Missing = noModelsLoaded
		return
	case len(r.group(t.key.Proto).models) == 0:
		e.Missing = "no model is for " + t.key.Proto.String()
		return
	case t.s == nil || len(t.s.letters) < minCompared:
		n := 1
		if t.s != nil {
			n = max(n, len(t.s.letters))
		}
		e.Missing = fmt.Sprintf("%s, gap symbols included; comparing needs %d", numberOf(n, "letter"), minCompared)
		return
	}
	v := r.look(t)
	e.Seen = fmt.Sprintf("the letters of %s", numberOf(uint64(t.flows), "flow"))
	e.Score, e.Threshold, e.Malicious = v.score, v.threshold, v.bad()
	if v.name != nil {
		e.Label = v.name.label
	}
	nearest := func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) }
	slices.SortStableFunc(r.found, nearest)
	for _, c := range r.found {
		text := fmt.Sprintf("at distance %.4g from %s (at most %.4g matches)", c.distance, c.lm.model.Label, c.lm.model.Threshold)
		if c.lm.normal {
			e.Against = append(e.Against, text)
		} else {
			e.For = append(e.For, text)
		}
	}
	missed := r.missed(t)
	slices.SortStableFunc(missed, nearest)
	if v.name == nil && len(missed) > 0 {
		e.Score, e.Threshold = missed[0].distance, missed[0].lm.model.Threshold
	}
	for _, c := range missed[:min(len(missed), nearMisses)] {
		e.Against = append(e.Against, fmt.Sprintf("at distance %.4g from %s, too far to match (at most %.4g does)",
			c.distance, c.lm.model.Label, c.lm.model.Threshold))
	}
}

// missed gives the malicious models that are not among those found, with their
// distances, from the counts.
func (r *reference) missed(t *entry) []candidate {
	var missed []candidate
	letters := t.s.letters
	for _, lm := range r.group(t.key.Proto).models {
		if lm.normal || slices.ContainsFunc(r.found, func(c candidate) bool { return c.lm == lm }) {
			continue
		}
		c := lm.chain(len(letters))
		if d := distance(c.train, lm.whole(c, letters[0], t.s.pairs)); d >= 0 {
			missed = append(missed, candidate{lm, d})
		}
	}
	return missed
}
