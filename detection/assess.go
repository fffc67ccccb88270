package detection

import "slips-ips/models"

// assessment is one look at a tuple.
type assessment struct {
	rhythm         Rhythm
	level          int
	x              Features
	company, peers float64
	probability    float64
	malicious      *behaviourModel // the nearest that fits
	normal         *behaviourModel // the one that says most against it
}

// assess measures and weighs what is seen through one span.
func (b *behaviour) assess(t *entry, c *contacts, a *assessment) {
	a.rhythm = c.rhythm()
	a.company, a.peers = b.crowds.company(t.key.Src, t.key.Dst, !b.looking), b.crowds.peers(t.key.Src, !b.looking)
	a.x = featuresOf(t.key, &a.rhythm, c.level, a.company, a.peers)
	const unlikely = -20 // too few contacts for the classifier: only a model can tell
	odds := float64(unlikely)
	if c.n >= b.class.minContacts {
		odds = b.class.logOdds(&a.x)
	}
	var pro, contra float64
	for _, bm := range b.models {
		evidence := bm.model.Behaviour.Evidence
		if evidence == 0 || !bm.fits(t, a) { // those that only name are asked when there is something to name
			continue
		}
		if bm.normal {
			if a.normal == nil || evidence > contra {
				a.normal, contra = bm, evidence
			}
			continue
		}
		if a.malicious == nil || bm.cost < a.malicious.cost {
			a.malicious = bm
		}
		pro = max(pro, evidence)
	}
	switch {
	case contra >= models.Decisive:
		a.probability = 0
	case pro >= models.Decisive:
		a.probability = 1
	default:
		a.probability = sigmoid(odds + pro - contra)
	}
}

// name gives the model that a detection is named after: the nearest that fits.
func (b *behaviour) name(t *entry, a *assessment, c class) (*modelName, int32) {
	for _, bm := range b.models {
		if bm.normal || bm.model.Behaviour.Evidence > 0 || !bm.fits(t, a) {
			continue
		}
		if a.malicious == nil || bm.cost < a.malicious.cost {
			a.malicious = bm
		}
	}
	if a.malicious != nil {
		return a.malicious.name, a.malicious.index
	}
	return b.names.name(t.key, c.String()), -1
}
