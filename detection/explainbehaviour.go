package detection

import (
	"fmt"
	"time"
)

func (b *behaviour) explain(t *entry, e *Explanation) {
	e.Threshold = b.class.threshold
	switch {
	case b.muted:
		e.Missing = noModelsLoaded
		return
	case housekeeping(t.key):
		e.Against = append(e.Against, "clockwork that every network has (or no IP destination): it is never judged")
		return
	case t.s == nil || len(t.s.contacts) == 0:
		b.tooFew(e, 1)
		return
	}
	b.looking = true
	defer func() { b.looking = false }()
	v := b.weigh(t)
	e.Contacts = t.s.contacts[0].list()
	if b.best.probability < 0 {
		b.tooFew(e, t.s.contacts[0].n) // the shortest span has the most contacts
		return
	}
	if !v.malicious {
		b.show(t)
	}
	e.Score, e.Malicious = b.best.probability, v.malicious
	e.Generic, e.Gap = v.generic, time.Duration(float64(v.gap)*float64(time.Second))
	if v.name != nil {
		e.Label = v.name.label
	}
	e.Behaviour = behaviourClass(t.key, &b.shown).String()
	e.Seen = b.shown.rhythm.words()
	e.Contacts = listAt(t, b.shown.level)
	pro, contra := b.evidence(&b.shown)
	e.For, e.Against = append(e.For, pro...), append(e.Against, contra...)
	if n := b.best.rhythm.Contacts; !v.malicious && n < b.class.minContacts {
		e.Missing = fmt.Sprintf("%s; where no model speaks for it %d are needed", numberOf(n, "contact"), b.class.minContacts)
	}
}

// tooFew says that there were not enough contacts to look at.
func (b *behaviour) tooFew(e *Explanation, contacts int) {
	e.Missing = fmt.Sprintf("%s; a judgement needs %d", numberOf(contacts, "contact"), b.least)
}

// words tells a rhythm.
func (r *Rhythm) words() string {
	return fmt.Sprintf("%d contacts, one every %s (spread %.3g), of %.0f bytes (spread %.3g)",
		r.Contacts, roundGap(r.Gap), r.GapSpread, r.Size, r.SizeSpread)
}
