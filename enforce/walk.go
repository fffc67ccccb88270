package enforce

import "time"

// walkSize is how many blocks are looked at before others have their turn.
const walkSize = 2000

// walk appends the keys of those of the entries that follow at which are missing,
// until there are most of them: only those of wide scopes or only tuples, the newest
// first. It may end before because it looked at enough.
func (m *mirror) walk(out []key, at pageEnd, wide bool, most int, now time.Time) (_ []key, _ pageEnd, more bool) {
	p := m.after(at)
	for n := 0; p != nowhere; p = m.places[p].older {
		if n++; n > walkSize || len(out) == most {
			return out, at, true
		}
		w := &m.places[p]
		at = pageEnd{p, w.number}
		if w.key.set.wide() == wide && w.active.State == StateMissing && !w.active.over(now) {
			out = append(out, w.key)
		}
	}
	return out, at, false
}

// after gives the place that follows.
func (m *mirror) after(at pageEnd) place {
	p := m.newest
	switch {
	case at.number == 0:
	case int(at.place) < len(m.places) && m.places[at.place].number == at.number:
		p = m.places[at.place].older
	default: // it ended meanwhile, or all did
		for p != nowhere && m.places[p].number >= at.number {
			p = m.places[p].older
		}
	}
	return p
}

// missingElements gives the first so many missing elements, as walk does: the
// wide ones, then tuples.
func (m *mirror) missingElements(most int, now time.Time) (elems []element) {
	var keys []key
	for _, wide := range []bool{true, false} {
		if wide && !m.anyWide() {
			continue
		}
		var at pageEnd
		for more := true; more && len(keys) < most; {
			keys, at, more = m.walk(keys, at, wide, most, now)
		}
	}
	return m.elements(make([]element, 0, len(keys)), keys, now)
}

// elements appends those of keys that are missing, as the kernel gets them.
func (m *mirror) elements(out []element, keys []key, now time.Time) []element {
	for _, k := range keys {
		if a, ok := m.live(k, now); ok && a.State == StateMissing {
			out = append(out, elementOf(k, a, now))
		}
	}
	return out
}
