package detection

import (
	"fmt"
	"strings"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// behaviour is the default scorer. It merges the flows of a tuple to contacts,
// measures how regular and how alike these are and who else talks to the
// destination, and has a classifier say how likely that is command and
// control. Models then speak: the ones that the tuple fits add evidence for or
// against it, and the nearest gives it its name.
//
// A tuple is judged when a contact begins; the other flows of a contact tell
// nothing new and bring no detection.
type behaviour struct {
	class  *classifier
	models []*behaviourModel
	known  nameTable
	least  int // contacts from which on it is worth looking
	crowds *crowds
	// names are those of classes of behaviour where no model has a name for it.
	names genericNames
	// onJudge looks on, where it is not nil.
	onJudge func(*Judgement)
	told    Judgement
	// best is the likeliest look of the newest verdict; shown, which is told, the
	// one through the span that shows the tuple most regular: a pair every hour
	// is called hourly.
	best, shown assessment
	// late tells that tuples have had flows that this scorer was not told of.
	late bool
	// muted has everything measured and nothing judged: there are no models.
	muted bool
	// looking keeps what is read of the crowds from changing what they remember.
	looking bool
}

// nearShare is the part of the threshold from which on a tuple is suspicious.
const nearShare = 0.5

// Judgement is what the default scorer measured and made of a tuple when one
// of its contacts began.
type Judgement struct {
	Tuple argusfeed.Tuple
	// Time is the start of the contact that began, Flows how many flows the
	// tuple has had.
	Time  argusfeed.Time
	Flows uint64
	// Contacts counts those of a span of merging, Level its number.
	Contacts, Level int
	Rhythm          Rhythm
	Features        Features
	// Probability is what the classifier and the models make of it.
	Probability float64
}

// newBehaviour prepares the models of set, in their order; c nil is the built-in
// classifier. It takes what names it can from older.
func newBehaviour(set []models.Model, c *models.Classifier, onJudge func(*Judgement), older nameTable) (*behaviour, error) {
	if c == nil {
		def, err := models.DefaultClassifier()
		if err != nil {
			return nil, err
		}
		c = &def
	}
	class, err := newClassifier(*c)
	if err != nil {
		return nil, err
	}
	b := &behaviour{class: class, least: class.minContacts, onJudge: onJudge, crowds: newCrowds(), known: make(nameTable, len(set)), muted: len(set) == 0}
	for i := range set {
		bm, err := newBehaviourModel(&set[i], int32(i))
		if err != nil {
			return nil, err
		}
		bm.name = b.known.add(&set[i], older)
		b.models = append(b.models, bm)
		b.least = min(b.least, set[i].Behaviour.MinContacts)
	}
	return b, nil
}

func (b *behaviour) inherit(before scorer) {
	if old, ok := before.(*behaviour); ok {
		b.crowds, b.names, b.late = old.crowds, old.names, old.late
		return
	}
	b.late = true
}

func (b *behaviour) patience() int { return max(0, min(maxYoung, b.least-2)) }

func (b *behaviour) meet(t *tuple, f *argusfeed.Flow) {
	if t.answered {
		return
	}
	t.answered = answered(f)
	if t.answered || t.all == 1 {
		b.crowds.later.add(&t.key, t.answered)
	}
}

func (b *behaviour) begin(t *entry) {
	if housekeeping(t.key) {
		return // without contacts it is never judged
	}
	s := t.s
	if cap(s.contacts) == 0 {
		s.contacts = make([]contacts, 1) // most pauses are of one kind
	}
	s.contacts = s.contacts[:1]
	s.contacts[0].begin(t.last, t.bytes)
}

func (b *behaviour) take(t *entry, f *argusfeed.Flow) {
	s := t.s
	if len(s.contacts) == 0 {
		if !b.late {
			return
		}
		if b.begin(t); len(s.contacts) == 0 {
			return
		}
	}
	if f.Part == argusfeed.PartGrown {
		s.more(f, s.open.goes(f))
		return
	}
	of, on := s.open.continues(f)
	if on {
		s.more(f, of)
		return
	}
	b.fork(s, f.Start)
	if of != nil {
		of.began = [len(spans)]uint32{}
	}
	for i := range s.contacts {
		c := &s.contacts[i]
		if c.add(f) && of != nil {
			of.began[c.level] = uint32(c.n)
		}
	}
}

// more notes another piece of a connection, in the contacts that it began in.
// What nothing is known of any more is left out, but for protocols without
// ports: these have one connection at a time.
func (s *series) more(f *argusfeed.Flow, of *connection) {
	for i := range s.contacts {
		c := &s.contacts[i]
		number := 0
		switch {
		case of != nil:
			number = int(of.began[c.level])
		case f.Sport == 0:
			number = c.n
		}
		c.more(f, number)
	}
}

// fork begins to look through a longer span where that shows something else:
// as long as no pause was between two spans, both give the same contacts.
func (b *behaviour) fork(s *series, start argusfeed.Time) {
	pause := start - s.contacts[0].last // the same in all
	if pause <= spans[0] || pause > spans[len(spans)-1] {
		return
	}
	level := 1
	for pause > spans[level] {
		level++
	}
	at := len(s.contacts)
	for at > 0 && s.contacts[at-1].level >= level {
		at--
	}
	if at < len(s.contacts) && s.contacts[at].level == level {
		return
	}
	if n := len(s.contacts); n < cap(s.contacts) {
		s.contacts = s.contacts[:n+1]
	} else {
		s.contacts = append(make([]contacts, 0, len(spans)), s.contacts...)[:n+1]
	}
	for i := len(s.contacts) - 1; i > at; i-- { // swapped, so that each ring has one owner
		s.contacts[i], s.contacts[i-1] = s.contacts[i-1], s.contacts[i]
	}
	s.contacts[at].copyOf(&s.contacts[at-1])
	s.contacts[at].level = level
	s.open.fork(s.contacts[at-1].level, level)
}

// judge looks through every span in which a contact began and keeps what looks
// worst.
func (b *behaviour) judge(t *entry, _ *[]Comparison) verdict { return b.weigh(t) }

// look looks through all spans.
func (b *behaviour) look(t *entry) verdict {
	b.looking = true
	defer func() { b.looking = false }()
	return b.weigh(t)
}

func (b *behaviour) weigh(t *entry) verdict {
	var v verdict
	b.best = assessment{probability: -1}
	if b.muted {
		return v
	}
	for i := range t.s.contacts {
		c := &t.s.contacts[i]
		if !c.began && !b.looking {
			continue
		}
		v.judged = true
		if c.n < b.least {
			continue
		}
		a := assessment{level: c.level}
		b.assess(t, c, &a)
		if a.probability > b.best.probability {
			b.best = a
		}
		if b.onJudge != nil && !b.looking && c.n >= b.class.minContacts {
			b.told = Judgement{Tuple: t.key, Time: c.start, Flows: t.all, Contacts: c.n, Level: c.level,
				Rhythm: a.rhythm, Features: a.x, Probability: a.probability}
			b.onJudge(&b.told)
		}
	}
	v.near = b.best.probability >= nearShare*b.class.threshold
	if b.best.probability >= b.class.threshold {
		v.generic = b.best.malicious == nil // those that only name are not asked yet
		if b.best.normal != nil {
			v.normal = b.best.normal.name
		}
		b.show(t)
		v.gap = float32(b.shown.rhythm.Gap)
		v.class = behaviourClass(t.key, &b.shown)
		v.name, v.index = b.name(t, &b.shown, v.class)
		v.malicious = true
		v.score, v.threshold = b.best.probability, b.class.threshold
	}
	return v
}

// show chooses the look that is told.
func (b *behaviour) show(t *entry) {
	b.shown = b.best
	for i := range t.s.contacts {
		if c := &t.s.contacts[i]; c.level != b.best.level && c.n >= b.class.minContacts {
			a := assessment{level: c.level}
			b.assess(t, c, &a)
			if a.rhythm.GapsKept > b.shown.rhythm.GapsKept {
				b.shown = a
			}
		}
	}
}

// why tells how probable it is, what was seen, and what spoke for and against.
func (b *behaviour) why(_ *entry, v *verdict) string {
	a := &b.shown
	var s strings.Builder
	fmt.Fprintf(&s, "probability %.2f (alerts from %.2f): %s", v.score, v.threshold, a.rhythm.words())
	list := func(word string, all []string) {
		if len(all) > 0 {
			fmt.Fprintf(&s, "; %s: %s", word, strings.Join(all, ", "))
		}
	}
	pro, contra := b.evidence(a)
	list("for it", pro)
	list("against it", contra)
	return s.String()
}
