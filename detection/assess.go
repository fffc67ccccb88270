package detection

import "slips-ips/models"

// assessment is one look at a tuple.
type assessment struct {
	rhythm         Rhythm
	level          int
	x              Features
	company, peers float64
	pro, contra    float64 // the most that a model says for it and against it
	probability    float64
	malicious      *behaviourModel // the nearest that fits
	normal         *behaviourModel // the one that says most against it
}

// assess measures and weighs what is seen through one span.
func (b *behaviour) assess(t *entry, c *contacts, a *assessment) {
	b.measure(t, c, a)
	b.ask(t, a)
}

// measure takes all but the crowds.
func (b *behaviour) measure(t *entry, c *contacts, a *assessment) {
	a.rhythm = c.rhythm()
	a.x = featuresOf(t.key, &a.rhythm, c.level)
	for _, bm := range b.models {
		evidence := bm.model.Behaviour.Evidence
		if evidence == 0 || !bm.fits(t, a) { // those that only name are asked when there is something to name
			continue
		}
		if bm.normal {
			if a.normal == nil || evidence > a.contra {
				a.normal, a.contra = bm, evidence
			}
			continue
		}
		if a.malicious == nil || bm.cost < a.malicious.cost {
			a.malicious = bm
		}
		a.pro = max(a.pro, evidence)
	}
}

// far tells whether what was measured is not suspicious whatever the crowds say.
func (b *behaviour) far(a *assessment) bool {
	if a.contra >= models.Decisive {
		return true
	}
	return a.pro < models.Decisive && b.odds(a)+b.class.crowds+a.pro-a.contra < b.class.near
}

// odds are what the classifier says, in log-odds.
func (b *behaviour) odds(a *assessment) float64 {
	const unlikely = -20 // too few contacts for the classifier: only a model can tell
	if a.rhythm.Contacts < b.class.minContacts {
		return unlikely
	}
	return b.class.logOdds(&a.x)
}

// ask takes what the crowds say and makes a probability of everything.
func (b *behaviour) ask(t *entry, a *assessment) {
	a.company, a.peers = b.crowds.company(t.key.Src, t.key.Dst, !b.looking), b.crowds.peers(t.key.Src, !b.looking)
	a.x.crowded(a.company, a.peers)
	switch {
	case a.contra >= models.Decisive:
		a.probability = 0
	case a.pro >= models.Decisive:
		a.probability = 1
	default:
		a.probability = sigmoid(b.odds(a) + a.pro - a.contra)
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
