package detection

import "slips-ips/argusfeed"

// accept takes a flow into the open window, or into the next one.
func (d *Detector) accept(f *argusfeed.Flow, p place) {
	var ended *Window
	first := d.win.number == 0
	if p == placeNext {
		if d.win.open {
			ended = d.endWindow()
		}
		d.win.next(f, d.cfg.Width)
	}
	t := d.tuples.get(f.Tuple)
	if t.s != nil && t.flows == 1 && len(t.s.letters) == 0 {
		t.s.letters = append(t.s.letters, t.first)
		d.scorer.begin(t)
	}
	if t.all == 0 {
		d.scorer.meet(f)
	}
	d.win.count(t)

	var m mark
	unsorted := false
	if d.reference() || !d.unsorted(t, f) {
		m = markOf(t, f)
		if d.reference() && t.s != nil && len(t.s.letters)+m.size() > d.cfg.MaxLetters {
			d.stats.Restarted++
			d.tuples.renew(t)
			m = markOf(t, f)
		}
		d.extend(t, f, &m)
	} else {
		unsorted = true
		d.stats.Unsorted++
	}
	t.all++

	judged := false
	d.step.Compared = d.step.Compared[:0]
	if t.s != nil && !unsorted {
		var compared *[]Comparison
		if d.hooks.OnStep != nil {
			compared = &d.step.Compared
		}
		if v := d.scorer.judge(t, compared); v.judged {
			judged = true
			t.s.last = v
		}
		if judged && t.s.last.bad() && d.enough(t) {
			d.detect(t, f)
		}
	}
	if d.hooks.OnStep != nil {
		d.stepped(t, f, &m, stepping{first: first, next: p == placeNext, unsorted: unsorted, judged: judged, ended: ended})
	}
}

// unsorted tells whether f comes before the newest flow of its tuple. Where it
// is so far behind that only a clock set back explains it, the tuple begins
// anew.
func (d *Detector) unsorted(t *tuple, f *argusfeed.Flow) bool {
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
func (d *Detector) extend(t *tuple, f *argusfeed.Flow, m *mark) {
	if t.flows == 0 {
		t.first, t.bytes = m.letter, f.Bytes
	} else {
		s := t.s
		from := len(s.letters)
		if d.reference() {
			s.letters = m.appendTo(s.letters, m.zeros)
		} else {
			s.letters = m.appendTo(s.letters, letterTail)
			if len(s.letters) > 2*letterTail {
				s.letters = append(s.letters[:0], s.letters[len(s.letters)-letterTail:]...)
				s.cut = true
			}
		}
		d.scorer.take(t, f, from)
	}
	t.gap = m.newest
	t.last = f.Start
	t.flows++
}

// enough tells whether t has the letters that a detection needs.
func (d *Detector) enough(t *tuple) bool { return t.flows >= uint64(d.cfg.MinLetters) }

// detect reports the newest verdict on t.
func (d *Detector) detect(t *tuple, f *argusfeed.Flow) {
	s, v := t.s, &t.s.last
	s.match, s.matchWindow = *v, d.win.number
	s.matches++
	d.stats.Detections++
	d.out = append(d.out, Detection{
		Tuple:     t.key,
		Label:     v.model.Label,
		Model:     v.model.File,
		Scorer:    string(d.scoring),
		Score:     v.score,
		Threshold: v.threshold,
		Letters:   string(s.letters[max(0, len(s.letters)-letterTail):]),
		Flows:     t.all,
		Time:      f.Start,
		Window:    d.win.start,
		Source:    f.Source,
		Why:       d.scorer.why(t, v),
		Behaviour: v.behaviour,
	})
}
