package detection

import (
	"fmt"
	"math"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// minCompared is the number of letters and symbols from which the original
// compared a tuple.
const minCompared = 4

// near is the relative difference below which two distances from the counts
// are computed again the way that the original did: their last digits decide.
// Summing up 65,536 letters in another order changes less than 1e-11.
const near = 1e-9

// reference is the scorer slips-0.3.3.
type reference struct {
	all   []*letterModel
	known nameTable
	// byProto holds the models for a protocol; tcp and udp are those that nearly
	// all tuples are of.
	byProto  map[argusfeed.Proto]*modelGroup
	tcp, udp *modelGroup
	found    []candidate // scratch
}

// candidate is a model that may match.
type candidate struct {
	lm       *letterModel
	distance float64
}

// newReference prepares the models of set, in their order. It takes what names
// it can from older.
func newReference(set []models.Model, older nameTable) (*reference, error) {
	r := &reference{byProto: make(map[argusfeed.Proto]*modelGroup), known: make(nameTable, len(set))}
	for i := range set {
		lm, err := newLetterModel(&set[i], i)
		if err != nil {
			return nil, fmt.Errorf("using the model %s: %w", set[i].File, err)
		}
		lm.normal, lm.name = isNormal(&set[i], true), r.known.add(&set[i], older)
		r.all = append(r.all, lm)
	}
	r.tcp, r.udp = newModelGroup(r.all, argusfeed.ProtoTCP), newModelGroup(r.all, argusfeed.ProtoUDP)
	return r, nil
}

// group gives the models for a protocol. Feeds name few: the map is bounded by
// the table of names in argusfeed.
func (r *reference) group(p argusfeed.Proto) *modelGroup {
	switch p {
	case argusfeed.ProtoTCP:
		return r.tcp
	case argusfeed.ProtoUDP:
		return r.udp
	}
	g, ok := r.byProto[p]
	if !ok {
		g = newModelGroup(r.all, p)
		if len(g.models) == 0 {
			g = &noModels
		}
		r.byProto[p] = g
	}
	return g
}

// noModels is never compared with.
var noModels modelGroup

func (r *reference) begin(*entry) {}

// patience: two flows make at most three letters and symbols, which are not
// compared yet.
func (r *reference) patience() int { return 1 }

func (r *reference) inherit(scorer) {}

// take counts the transitions of the new letters, and of those that came while
// there was no model for the protocol.
func (r *reference) take(t *entry, _ *argusfeed.Flow) {
	if s := t.s; len(r.group(t.key.Proto).models) > 0 {
		s.pairs.extend(s.letters, int(s.counted))
		s.counted = uint32(len(s.letters))
	}
}

func (r *reference) look(t *entry) verdict {
	r.take(t, nil) // the models may be newer than its newest flow
	return r.judge(t, nil)
}

// judge finds the model with the smallest distance, of equal ones the first.
func (r *reference) judge(t *entry, compared *[]Comparison) verdict {
	v := verdict{judged: true}
	letters := t.s.letters
	if len(letters) < minCompared {
		return v
	}
	if compared != nil {
		r.compareAll(t, compared)
	} else {
		r.compare(t)
	}
	for _, c := range r.found {
		switch {
		case v.name == nil || c.distance < v.score:
			v = verdict{judged: true, name: c.lm.name, malicious: !c.lm.normal, index: c.lm.index,
				score: c.distance, threshold: c.lm.model.Threshold}
		case c.distance == v.score:
			v.ties++
		}
	}
	return v
}

// compare fills found with the models that match. Distances come from counts;
// where the last digits matter, from the letters.
func (r *reference) compare(t *entry) {
	r.found = r.found[:0]
	letters := t.s.letters
	g := r.group(t.key.Proto)
	if len(g.models) == 0 {
		return
	}
	sure := true
	if len(letters) < groupLengths {
		table, sums := g.tests(letters, t.s.pairs)
		for m, sum := range sums {
			if sum < table.worst[m] {
				continue
			}
			sure = r.consider(g.models[m], distance(table.train[m], sum)) && sure
		}
	} else {
		for _, lm := range g.models {
			c := lm.chain(len(letters))
			sure = r.consider(lm, distance(c.train, lm.test(c, letters[0], t.s.pairs))) && sure
		}
	}
	if sure {
		return
	}
	matching := r.found[:0]
	for _, c := range r.found {
		c.distance = distance(c.lm.exactly(c.lm.chain(len(letters)), letters))
		if matches(c.distance, c.lm) {
			matching = append(matching, c)
		}
	}
	r.found = matching
}

// consider adds a model to found where it may match, and tells whether the last
// digits of the distance, and of those found before, do not matter.
func (r *reference) consider(lm *letterModel, d float64) (sure bool) {
	threshold := lm.model.Threshold
	if d < 0 || d > threshold+near*threshold {
		return true
	}
	sure = d <= threshold-near*threshold
	if len(r.found) > 0 {
		best := math.Inf(1)
		for _, c := range r.found {
			best = min(best, c.distance)
		}
		sure = sure && (d >= best+near*best || d <= best-near*best)
	}
	r.found = append(r.found, candidate{lm, d})
	return sure
}

// compareAll does the same from the letters of all models, and keeps the
// numbers.
func (r *reference) compareAll(t *entry, compared *[]Comparison) {
	r.found = r.found[:0]
	letters := t.s.letters
	for _, lm := range r.group(t.key.Proto).models {
		train, test := lm.exactly(lm.chain(len(letters)), letters)
		d := distance(train, test)
		*compared = append(*compared, Comparison{int(lm.index), train, test, d})
		if matches(d, lm) {
			r.found = append(r.found, candidate{lm, d})
		}
	}
}

func matches(d float64, lm *letterModel) bool { return d >= 1 && d <= lm.model.Threshold }

// distance is the ratio of two logarithms, written to be 1 or more; -1, which
// never matches, where one of them is 0.
func distance(train, test float64) float64 {
	switch {
	case train == 0 || test == 0:
		return -1
	case test < train:
		return test / train
	}
	return train / test
}

func (r *reference) why(t *entry, v *verdict) string {
	why := fmt.Sprintf("the letters of %d flows are at distance %.4g from those that %s begins with (at most %.4g matches)",
		t.flows, v.score, v.name.file, v.threshold)
	switch v.ties {
	case 0:
		return why
	case 1:
		return why + "; 1 other model is as near"
	}
	return fmt.Sprintf("%s; %d other models are as near", why, v.ties)
}
