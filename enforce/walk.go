package enforce

import "time"

// walkSize is how many blocks are looked at before others have their turn.
const walkSize = 2000

// walk appends those of the entries that follow at which are missing, until there
// are most of them: only those of wide scopes or only tuples, the newest first.
// It may end before because it looked at enough.
func (m *mirror) walk(out []element, at pageEnd, wide bool, most int, now time.Time) (_ []element, _ pageEnd, more bool) {
	p := m.after(at)
	for n := 0; p != nowhere; p = m.places[p].older {
		if n++; n > walkSize || len(out) == most {
			return out, at, true
		}
		w := &m.places[p]
		at = pageEnd{p, w.number}
		if w.key.set.wide() == wide && w.active.State == StateMissing && !w.active.over(now) {
			out = append(out, elementOf(w.key, w.active, now))
		}
	}
	return out, at, false
}

// after gives the place that follows.
func (m *mirror) after(at pageEnd) place {
	p := m.newest
	switch {
	case at.number == 0:
	case m.places[at.place].number == at.number:
		p = m.places[at.place].older
	default: // it ended meanwhile
		for p != nowhere && m.places[p].number >= at.number {
			p = m.places[p].older
		}
	}
	return p
}

// missingElements gives the first so many missing elements, as walk does: the
// wide ones, then tuples.
func (m *mirror) missingElements(most int, now time.Time) (elems []element) {
	for _, wide := range []bool{true, false} {
		if wide && !m.anyWide() {
			continue
		}
		var at pageEnd
		for more := true; more && len(elems) < most; {
			elems, at, more = m.walk(elems, at, wide, most, now)
		}
	}
	return elems
}
