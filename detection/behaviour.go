package detection

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// behaviour is the scorer for how regular the contacts of a tuple are: their
// gaps and sizes are compared with the limits of each model. A tuple is judged
// when a contact begins; the other flows of a contact tell nothing new and
// bring no detection.
//
// The score of a model is how much of its limits the spreads use up, the worse
// of the two: 0 is clockwork, 1 the largest that matches.
type behaviour struct {
	models []*behaviourModel
	// merges are the different spans of merging of the models. Each tuple has
	// contacts for each of them.
	merges  []argusfeed.Time
	scratch [maxGaps]float64
}

type behaviourModel struct {
	model *models.Model
	index int32
	// merge is the place of its span in merges.
	merge          int
	minGap, maxGap float64 // microseconds
}

// maxMerges bounds the different spans of merging, and with it the memory that
// a tuple needs.
const maxMerges = 4

// behaviourThreshold is the largest score that matches.
const behaviourThreshold = 1

func newBehaviour(set []models.Model) (*behaviour, error) {
	b := new(behaviour)
	for i := range set {
		m := &set[i]
		limits := m.Behaviour
		if limits == nil {
			return nil, fmt.Errorf("using the model %s: it has no limits", m.File)
		}
		if limits.MinContacts < 2 || limits.MinContacts > models.MaxContacts {
			return nil, fmt.Errorf("using the model %s: min_contacts %d is not allowed; use 2 to %d",
				m.File, limits.MinContacts, models.MaxContacts)
		}
		merge := micros(limits.Merge)
		at := slices.Index(b.merges, merge)
		if at < 0 {
			if len(b.merges) == maxMerges {
				return nil, fmt.Errorf("using the model %s: models with more than %d different values of merge cannot be used together",
					m.File, maxMerges)
			}
			at = len(b.merges)
			b.merges = append(b.merges, merge)
		}
		b.models = append(b.models, &behaviourModel{model: m, index: int32(i), merge: at,
			minGap: float64(micros(limits.MinGap)), maxGap: float64(micros(limits.MaxGap))})
	}
	return b, nil
}

func micros(d time.Duration) argusfeed.Time { return argusfeed.Time(d / time.Microsecond) }

// covers tells whether the model is for tuples like this one at all.
func (bm *behaviourModel) covers(t argusfeed.Tuple) bool {
	if bm.model.Proto != "" && !strings.EqualFold(bm.model.Proto, t.Proto.String()) {
		return false
	}
	port, ok := t.Port.Number()
	return !ok || !slices.Contains(bm.model.Behaviour.NotPorts, port)
}

func (b *behaviour) begin(t *tuple) {
	covered := false
	for _, bm := range b.models {
		covered = covered || bm.covers(t.key)
	}
	if !covered || housekeeping(t.key) {
		return // without contacts it is never judged
	}
	s := t.s
	if cap(s.contacts) < len(b.merges) {
		s.contacts = make([]contacts, len(b.merges))
	}
	s.contacts = s.contacts[:len(b.merges)]
	for i := range s.contacts {
		s.contacts[i].begin(t.last, t.bytes)
	}
}

func (b *behaviour) take(t *tuple, f *argusfeed.Flow, _ int) {
	if len(t.s.contacts) == 0 {
		return
	}
	if t.s.open == nil {
		t.s.open = new(connections)
	}
	more := f.Part == argusfeed.PartGrown || t.s.open.continues(f)
	for i := range t.s.contacts {
		if c := &t.s.contacts[i]; more {
			c.size, c.began = c.size+f.Bytes, false
		} else {
			c.add(f.Start, f.Bytes, b.merges[i])
		}
	}
}

// judge finds the model with the smallest score; of equal ones a normal one,
// else the first.
func (b *behaviour) judge(t *tuple, _ *[]Comparison) verdict {
	var v verdict
	if len(t.s.contacts) == 0 {
		return v
	}
	var rhythms [maxMerges]rhythm
	for _, bm := range b.models {
		c := &t.s.contacts[bm.merge]
		if !c.began {
			continue
		}
		v.judged = true
		if c.n < bm.model.Behaviour.MinContacts || !bm.covers(t.key) {
			continue
		}
		r := &rhythms[bm.merge]
		if r.contacts == 0 {
			*r = c.rhythm(&b.scratch)
		}
		score := bm.score(r)
		if score > behaviourThreshold {
			continue
		}
		malicious := !isNormal(bm.model, false)
		switch equal := v.model != nil && score == v.score; {
		case equal && (malicious || !v.malicious):
			v.ties++
		case equal || v.model == nil || score < v.score:
			ties := int32(0)
			if equal {
				ties = v.ties + 1
			}
			v = verdict{judged: true, model: bm.model, malicious: malicious, index: bm.index,
				score: score, threshold: behaviourThreshold, ties: ties}
		}
	}
	return v
}

// score is infinite where the gap itself is not the model's.
func (bm *behaviourModel) score(r *rhythm) float64 {
	if r.gap < bm.minGap || r.gap > bm.maxGap {
		return math.Inf(1)
	}
	limits := bm.model.Behaviour
	return max(ratioOf(r.gapSpread, limits.MaxGapSpread), ratioOf(r.sizeSpread, limits.MaxSizeSpread))
}

func (b *behaviour) why(t *tuple, v *verdict) string {
	at := slices.IndexFunc(b.models, func(bm *behaviourModel) bool { return bm.index == v.index })
	r := t.s.contacts[b.models[at].merge].rhythm(&b.scratch)
	limits := v.model.Behaviour
	return fmt.Sprintf("%d contacts, one every %s (spread %.3g, at most %.3g matches), of %.0f bytes (spread %.3g, at most %.3g)",
		r.contacts, roundGap(r.gap), r.gapSpread, limits.MaxGapSpread, r.size, r.sizeSpread, limits.MaxSizeSpread)
}

// roundGap makes microseconds readable.
func roundGap(us float64) time.Duration {
	d := time.Duration(us) * time.Microsecond
	if d > time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}
