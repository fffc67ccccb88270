package detection

import (
	"math"
	"time"

	"slips-ips/argusfeed"
)

// accept takes a flow into the open window, or into the next one. The hash is that of
// its tuple.
func (d *Detector) accept(f *argusfeed.Flow, hash uint64, p place) {
	var ended *Window
	first := d.win.number == 0
	if p == placeNext {
		if d.win.open {
			ended = d.endWindow()
		}
		d.win.next(f, d.cfg.Width)
	}
	if f.Part == argusfeed.PartGrown && d.tuples.find(&f.Tuple, hash) == nil {
		return // what it is a piece of was forgotten
	}
	t := &d.current
	*t = d.tuples.entry(d.tuples.get(&f.Tuple, hash))
	if t.y != nil && (int(t.y.n) >= d.scorer.patience() || !plain(f)) {
		d.mature(t)
	}
	if !f.Part.Over() {
		d.win.touch(t.tuple) // it has become the most recent, and what is found is told in this window
		d.growing(t, f)
		return
	}
	d.win.count(t.tuple)

	var m mark
	unsorted := false
	if d.reference() || !d.unsorted(t, f) {
		d.see(t, f)
		m.of(t.tuple, f)
		if d.reference() && t.s != nil && len(t.s.letters)+m.size() > d.cfg.MaxLetters {
			d.stats.Restarted++
			d.tuples.renew(t)
			d.see(t, f)
			m.of(t.tuple, f)
		}
		d.extend(t, f, &m)
		if t.y != nil && t.y.begun {
			t.y.add(f)
		}
	} else {
		unsorted = true
		d.stats.Unsorted++
		t.all++
	}

	judged := false
	d.step.Compared = d.step.Compared[:0]
	if t.s != nil && !unsorted && (d.reference() || f.Part == argusfeed.PartWhole) {
		judged = d.judge(t, f)
	}
	if d.hooks.OnStep != nil {
		d.stepped(t, f, &m, stepping{first: first, next: p == placeNext, unsorted: unsorted, judged: judged, ended: ended})
	}
}

// growing takes what is told of a flow that is not over: its letter must wait,
// but when it began, and how much it has been, is known. One that began before
// the newest flow seen adds to the newest contact or to none: it is not judged.
// Nor can its end make a contact then, for that has the same start.
func (d *Detector) growing(t *entry, f *argusfeed.Flow) {
	late := false
	if f.Part == argusfeed.PartBegun {
		if d.unsorted(t, f) {
			d.stats.Unsorted++
			t.all++
			return
		}
		late = t.all > 0 && t.s != nil && f.Start < t.s.newest
		d.see(t, f)
	} else {
		d.scorer.meet(t.tuple, f)
	}
	switch {
	case t.s != nil && t.s.begun:
		d.scorer.take(t, f)
		if f.Part == argusfeed.PartBegun && !late {
			d.judge(t, f)
		}
	case t.y != nil && t.y.begun:
		t.y.add(f)
	case f.Part == argusfeed.PartGrown:
		t.bytes += f.Bytes
	}
}

// see notes that a flow of t is there, unless it was told of before (which the
// reference scorer does not listen to).
func (d *Detector) see(t *entry, f *argusfeed.Flow) {
	if f.Part == argusfeed.PartClosed && t.all > 0 && !d.reference() {
		d.scorer.meet(t.tuple, f)
		return
	}
	t.all++
	d.scorer.meet(t.tuple, f)
	if t.all == 1 {
		t.last, t.bytes, t.since = f.Start, f.Bytes, secondsOf(f.Start)
		return
	}
	if t.lasts(f.Start) {
		d.tuples.move(t.tuple, tierLong)
	}
	// The ends alone of several flows may have made letters, which are gone.
	simple := t.flows <= 1
	if !t.several() {
		d.tuples.widen(t, d.scorer.patience() > 0 && plain(f) && simple)
	}
	if t.y != nil && !t.y.begun && !simple {
		d.mature(t)
	}
	if t.y != nil {
		if !t.y.begun {
			t.y.begin(t.tuple)
		}
		return
	}
	if !t.s.begun {
		t.s.begun, t.s.set = true, d.set
		d.scorer.begin(t)
	}
	t.s.newest = max(t.s.newest, f.Start)
}

// judge has the scorer look at t, to which f has come, and reports what it finds.
func (d *Detector) judge(t *entry, f *argusfeed.Flow) bool {
	var compared *[]Comparison
	if d.hooks.OnStep != nil {
		compared = &d.step.Compared
	}
	v := d.scorer.judge(t, compared)
	if !v.judged {
		return false
	}
	if t.s.set != d.set {
		t.s.forgetVerdicts(d.set)
	}
	t.s.last = v
	if v.bad() || v.near {
		d.tuples.raise(t.tuple, tierSuspicious)
	}
	if v.bad() && d.enough(t.tuple) {
		d.detect(t, f)
	}
	return true
}

// unsorted tells whether f comes before the newest flow of its tuple. Where it
// is so far behind that only a clock set back explains it, the tuple begins
// anew.
func (d *Detector) unsorted(t *entry, f *argusfeed.Flow) bool {
	if t.flows == 0 || f.Start >= t.last {
		return false
	}
	if t.last-f.Start > micros(d.cfg.MaxLate) {
		d.tuples.renew(t)
		return false
	}
	return true
}

// extend adds what f marks to the letters of t.
func (d *Detector) extend(t *entry, f *argusfeed.Flow, m *mark) {
	if t.flows == 0 {
		t.first = m.letter
	}
	if s := t.s; s != nil {
		if t.flows == 1 {
			s.letters = append(s.letters, t.first)
		}
		if t.flows > 0 {
			d.lengthen(s, m)
		}
		if d.reference() && t.flows > 0 || !d.reference() && f.Part == argusfeed.PartWhole && t.all > 1 {
			d.scorer.take(t, f)
		}
	}
	t.gap = m.newest
	t.last = f.Start
	if t.flows < math.MaxUint32 {
		t.flows++
	}
}

// lengthen adds a mark to the letters that are kept.
func (d *Detector) lengthen(s *series, m *mark) {
	if d.reference() {
		s.letters = m.appendTo(s.letters, m.zeros)
		return
	}
	s.letters = m.appendTo(s.letters, letterTail)
	if len(s.letters) > 2*letterTail {
		s.letters = append(s.letters[:0], s.letters[len(s.letters)-letterTail:]...)
		s.cut = true
	}
}

// enough tells whether t has the flows that a detection needs; of the reference
// scorer each must have made its letter.
func (d *Detector) enough(t *tuple) bool {
	n := t.all
	if d.reference() {
		n = uint64(t.flows)
	}
	return n >= uint64(d.cfg.MinLetters)
}

// detect reports the newest verdict on t.
func (d *Detector) detect(t *entry, f *argusfeed.Flow) {
	s, v := t.s, &t.s.last
	s.match, s.matchWindow = *v, d.win.number
	if s.matches < math.MaxUint32 {
		s.matches++
	}
	d.stats.Detections++
	d.out = append(d.out, Detection{
		Tuple:     t.key,
		Label:     v.name.label,
		Model:     v.name.file,
		Scorer:    string(d.scoring),
		Score:     v.score,
		Threshold: v.threshold,
		Letters:   string(s.letters[max(0, len(s.letters)-letterTail):]),
		Flows:     t.all,
		Time:      f.Start,
		Window:    d.win.start,
		Source:    f.Source,
		Why:       d.scorer.why(t, v),
		Behaviour: v.class.String(),
		Generic:   v.generic,
		Normal:    v.outweighed(),
		Gap:       time.Duration(float64(v.gap) * float64(time.Second)),
	})
}
