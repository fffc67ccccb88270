package detection

import (
	"iter"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// letterTail is how many of the newest letters a detection carries, and the
// default path keeps.
const letterTail = 128

// Hooks lets the owner of a detector look on. What a hook would be given is
// not computed where it is nil. Hooks run in the goroutine of the owner and
// must not call the detector.
type Hooks struct {
	// OnWindow is called when a time window has ended.
	OnWindow func(Window)
	// OnStep is called for every flow; the step is valid during the call only.
	OnStep func(*Step)
	// OnJudge is called for every look of the default scorer at a tuple; the
	// judgement is valid during the call only.
	OnJudge func(*Judgement)
}

// Detector turns flows into detections. It is owned by one goroutine.
type Detector struct {
	cfg     Config
	scoring Scoring
	models  []models.Model
	hooks   Hooks

	scorer scorer
	names  nameTable
	// set counts how often the models were replaced.
	set    uint32
	tuples *tupleTable
	clocks []*clock // by source
	win    window
	stats  Stats
	// source is that of the newest flow; several tells that there is more than
	// one (reference scorer).
	source  uint16
	several bool
	out     []Detection
	step    Step

	// current is the tuple whose flow is taken. replayed is for taking the flows of
	// a young one again, shownYoung for what they come to.
	current    entry
	shownYoung *series
	replayed   struct {
		tuple tuple
		entry entry
		flow  argusfeed.Flow // here, as it would be put on the heap each time
	}
}

// New makes a detector that compares with set, which may be empty. It fails
// when the configuration is invalid, when set has models for two scorers and
// none is chosen, and when a model cannot be used.
func New(cfg Config, set []models.Model, hooks Hooks) (*Detector, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	d := &Detector{cfg: cfg, hooks: hooks, scorer: noScorer{}, tuples: newTupleTable(cfg.MaxTuples)}
	var err error
	if d.scoring, d.models, _, err = Select(cfg.Scoring, set); err != nil {
		return nil, err
	}
	if len(d.models) == 0 {
		return d, nil
	}
	d.scorer, d.names, err = d.newScorer(cfg, d.models)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// newScorer makes a scorer for models of the detector's kind, and gives their
// names.
func (d *Detector) newScorer(cfg Config, set []models.Model) (scorer, nameTable, error) {
	if d.reference() {
		r, err := newReference(set, d.names)
		if err != nil {
			return nil, nil, err
		}
		return r, r.known, nil
	}
	b, err := newBehaviour(set, cfg.Classifier, d.hooks.OnJudge, d.names)
	if err != nil {
		return nil, nil, err
	}
	return b, b.known, nil
}

// reference tells whether time and letters are handled as the original did.
func (d *Detector) reference() bool { return d.scoring == ScoringReference }

// Scoring is the scorer in use.
func (d *Detector) Scoring() Scoring { return d.scoring }

// Models are those that tuples are compared with, in that order.
func (d *Detector) Models() []models.Model { return d.models }

// Observe takes flows in the order of the feed and gives what they match, in
// the same order. The result is valid until the next call.
func (d *Detector) Observe(flows []argusfeed.Flow) []Detection {
	d.out = d.out[:0]
	for i := range flows {
		if i%expected == 0 {
			d.tuples.expect(flows[i:])
		}
		if flows[i].Part.Over() {
			d.stats.Flows++
		} else if d.reference() {
			continue // it compares letters, which only whole flows make
		}
		if d.reference() {
			d.observeReference(&flows[i], d.tuples.hashes[i%expected])
		} else {
			d.observe(&flows[i], d.tuples.hashes[i%expected])
		}
	}
	return d.out
}

// observeReference follows the slots of the original. The hash is that of the tuple.
func (d *Detector) observeReference(f *argusfeed.Flow, hash uint64) {
	p := d.win.place(f.When())
	d.several = d.several || d.stats.Flows > 1 && f.Source != d.source
	d.source = f.Source
	switch {
	case p == placeEdge && (f.Told != 0 || d.several):
		p = placeNext
	case p == placeLate && (f.Told != 0 || d.several):
		// What the original lost here was out of the order of its one feed.
		// Joined flows have an order of their own, and the clocks of several
		// feeds differ.
		p = placeHere
	}
	switch p {
	case placeLate:
		d.stats.Late++
		d.dropped(f, "late")
	case placeEdge:
		d.stats.Edge++
		d.dropped(f, "edge")
	default:
		d.accept(f, hash, p)
	}
}

// observe is the default path. The hash is that of the tuple.
func (d *Detector) observe(f *argusfeed.Flow, hash uint64) {
	c := d.clock(f.Source)
	p := c.judge(f.When())
	if c.holds {
		first := c.release()
		if p == placeFuture { // the second in a row: time has really passed
			second := *f
			if second.When() < first.When() {
				first, second = second, first
			}
			c.jump(first.When(), 1)
			d.observe(&first, first.Hash(d.tuples.seed))
			d.observe(&second, second.Hash(d.tuples.seed))
			return
		}
		d.stats.Future++
		d.dropped(&first, "future")
	}
	switch p {
	case placeFuture:
		c.hold(f)
	case placeLate:
		d.stats.Late++
		d.dropped(f, "late")
	default:
		d.accept(f, hash, d.place(f.When()))
	}
}

func (d *Detector) clock(source uint16) *clock {
	for int(source) >= len(d.clocks) {
		d.clocks = append(d.clocks, &clock{maxJump: micros(d.cfg.MaxJump), maxLate: micros(d.cfg.MaxLate)})
	}
	return d.clocks[source]
}

// place puts a flow that its clock accepted into a window. Late flows stay in
// the open one, unless all clocks were set back before it.
func (d *Detector) place(start argusfeed.Time) place {
	w := &d.win
	if !w.open || start >= w.end {
		return placeNext
	}
	if start >= w.start {
		return placeHere
	}
	for _, c := range d.clocks {
		if c.started && c.now >= w.start {
			return placeHere
		}
	}
	return placeNext
}

// Expire tells a detector whose feed is quiet how late it is: now is the time
// of the flows, not of the wall clock; what other detectors see of the same
// feed, or the newest flow and what has passed since. It ends a window that is
// over and takes flows that were held and are no longer in the future. The
// result is valid until the next call.
func (d *Detector) Expire(now argusfeed.Time) []Detection {
	d.out = d.out[:0]
	d.releaseHeld(func(c *clock) bool { return c.held.When() <= now+c.maxJump })
	if d.win.open && now > d.win.end {
		d.endWindow()
	}
	return d.out
}

// Finish ends the input: it takes the flows that were held, which can no
// longer displace others, and ends the last window. The result is valid until
// the next call.
func (d *Detector) Finish() []Detection {
	d.out = d.out[:0]
	d.releaseHeld(func(*clock) bool { return true })
	if d.win.open {
		d.final(d.endWindow())
	}
	return d.out
}

func (d *Detector) releaseHeld(due func(*clock) bool) {
	for _, c := range d.clocks {
		if c.holds && due(c) {
			f := c.release()
			c.jump(f.When(), 0)
			d.observe(&f, f.Hash(d.tuples.seed))
		}
	}
}

// Stats gives the counters.
func (d *Detector) Stats() Stats {
	s := d.stats
	s.Tuples = d.tuples.len()
	s.Evicted = d.tuples.evicted
	for _, c := range d.clocks {
		s.SetBack += c.setBack
		if c.holds {
			s.Held++
		}
	}
	return s
}

// Tuples gives the tuples known now: those first that are kept the longest where
// the table is full, each kind in the order of their newest flows. The detector must
// not be used during the iteration.
func (d *Detector) Tuples() iter.Seq[TupleInfo] {
	return func(yield func(TupleInfo) bool) {
		for i := range tiers {
			for t := d.tuples.at(d.tuples.lists[tiers-1-i].tail); t != nil; t = d.tuples.at(t.prev) {
				if !yield(d.info(t)) {
					return
				}
			}
		}
	}
}
