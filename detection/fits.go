package detection

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// behaviourModel is a model with what comparing needs.
type behaviourModel struct {
	model  *models.Model
	name   *modelName
	index  int32
	normal bool
	// level is the span that its contacts are merged with: the longest that is
	// not longer than the model's.
	level          int
	minGap, maxGap float64 // seconds
	chain          *letterChain
	// cost is what a letter of the tuple cost in the newest comparison that
	// fitted: the smaller, the nearer.
	cost float64
}

// unlettered is the cost for a model without letters: those that have some and
// fit are nearer.
const unlettered = 100

func newBehaviourModel(m *models.Model, index int32) (*behaviourModel, error) {
	limits := m.Behaviour
	if limits == nil {
		return nil, fmt.Errorf("using the model %s: it has no limits", m.File)
	}
	if limits.MinContacts < 2 || limits.MinContacts > models.MaxContacts {
		return nil, fmt.Errorf("using the model %s: min_contacts %d is not allowed; use 2 to %d",
			m.File, limits.MinContacts, models.MaxContacts)
	}
	bm := &behaviourModel{model: m, index: index, normal: isNormal(m, false),
		minGap: limits.MinGap.Seconds(), maxGap: limits.MaxGap.Seconds()}
	for level, span := range spans {
		if span <= micros(limits.Merge) {
			bm.level = level
		}
	}
	if m.Letters != "" {
		bm.chain = newLetterChain(m.Letters)
	}
	return bm, nil
}

// covers tells whether the model is for tuples like this one at all.
func (bm *behaviourModel) covers(t argusfeed.Tuple) bool {
	if bm.model.Proto != "" && !strings.EqualFold(bm.model.Proto, t.Proto.String()) {
		return false
	}
	limits := bm.model.Behaviour
	port, ok := t.Port.Number()
	if ok && slices.Contains(limits.NotPorts, port) {
		return false
	}
	if len(limits.Ports) > 0 && (!ok || !slices.Contains(limits.Ports, port)) {
		return false
	}
	if len(limits.Destinations) == 0 {
		return true
	}
	dst, ok := t.Dst.IP()
	if !ok {
		return false
	}
	dst = dst.Unmap()
	for _, p := range limits.Destinations {
		if p.Contains(dst) {
			return true
		}
	}
	return false
}

// levelOf gives the level that shows a tuple as the model's span would: spans
// that show nothing new are not kept.
func (bm *behaviourModel) levelOf(all []contacts) int {
	level := 0
	for i := range all {
		if all[i].level <= bm.level {
			level = all[i].level
		}
	}
	return level
}

// fits tells whether a tuple keeps all limits of the model and has letters
// that are likely after its own.
func (bm *behaviourModel) fits(t *entry, a *assessment) bool {
	limits, r := bm.model.Behaviour, &a.rhythm
	if r.Contacts < limits.MinContacts || r.Gap < bm.minGap || r.Gap > bm.maxGap ||
		r.GapSpread > limits.MaxGapSpread || r.SizeSpread > limits.MaxSizeSpread ||
		r.Size < float64(limits.MinSize) || limits.MaxSize > 0 && r.Size > float64(limits.MaxSize) {
		return false
	}
	if a.level != bm.levelOf(t.s.contacts) || !bm.covers(t.key) {
		return false
	}
	bm.cost = unlettered
	if bm.chain != nil {
		letters := t.s.letters
		bm.cost = mean(bm.chain, letters[max(0, len(letters)-letterTail):])
		return bm.cost-bm.chain.own <= bm.model.Threshold
	}
	return true
}

func micros(d time.Duration) argusfeed.Time { return argusfeed.Time(d / time.Microsecond) }
