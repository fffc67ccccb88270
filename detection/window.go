package detection

import (
	"cmp"
	"math"
	"slices"
	"time"

	"slips-ips/argusfeed"
)

// Window is a time window that has ended.
type Window struct {
	// Start is the start of the flow that opened it, End is Start and the width.
	Start argusfeed.Time `json:"start"`
	End   argusfeed.Time `json:"end"`
	// Flows were in it, of Tuples different tuples; Connections is the number
	// that the original printed, which leaves out the flow that opened the
	// window. Known tuples were remembered at its end.
	Flows       uint64 `json:"flows"`
	Tuples      int    `json:"tuples"`
	Connections int    `json:"connections"`
	Known       int    `json:"known"`
	// Active are the tuples with flows in it that are still known, in the order
	// of their newest flows.
	Active []TupleInfo `json:"active,omitempty"`
	// Forgotten are the tuples that had too many flows (reference scorer).
	Forgotten []argusfeed.Tuple `json:"forgotten,omitempty"`
}

// TupleInfo describes a tuple for listings. It is a value.
type TupleInfo struct {
	Tuple argusfeed.Tuple `json:"tuple"`
	// Flows is how many there have been since the tuple is known, InWindow
	// those in the window.
	Flows    uint64 `json:"flows"`
	InWindow uint64 `json:"in_window"`
	// Letters are all of them, or the newest where Cut is set.
	Letters string `json:"letters"`
	Cut     bool   `json:"cut,omitempty"`
	// Last is the start of its newest flow.
	Last argusfeed.Time `json:"last"`
	// Label and Model are those of the malicious model that the tuple matches:
	// after its newest flow (reference scorer) or at any flow of the window.
	// Empty: none, or fewer letters than a detection needs. Score and Threshold
	// are as in Detection.
	Label     string  `json:"label,omitempty"`
	Model     string  `json:"model,omitempty"`
	Score     float64 `json:"score,omitempty"`
	Threshold float64 `json:"threshold,omitempty"`
	// Detections is how many there were.
	Detections uint64 `json:"detections,omitempty"`
}

// window is the open time window and what it counts.
type window struct {
	span
	number uint32 // from 1
	flows  uint64
	tuples int
	// opener is the tuple that opened it; alone says that no later flow of the
	// window was of that tuple. Both are for Window.Connections.
	opener argusfeed.Tuple
	alone  bool
}

// next opens a window at f. The flow that opens the very first one was counted
// by the original.
func (w *window) next(f *argusfeed.Flow, width time.Duration) {
	*w = window{
		span:   span{open: true, start: f.When(), end: f.When() + micros(width)},
		number: w.number + 1,
		opener: f.Tuple,
		alone:  w.number > 0,
	}
}

// count notes a flow of t.
func (w *window) count(t *tuple) {
	w.touch(t)
	t.inWindow++
	w.flows++
}

// touch notes that t is active in the window.
func (w *window) touch(t *tuple) {
	if t.window != w.number {
		t.window, t.inWindow = w.number, 0
		w.tuples++
	} else if w.alone && t.key == w.opener {
		w.alone = false
	}
}

func (w *window) connections() int {
	if w.alone {
		return w.tuples - 1
	}
	return w.tuples
}

// endWindow closes the window, reports it and lets the reference forget. The
// result is nil where nobody looks on.
func (d *Detector) endWindow() *Window {
	w := &d.win
	w.open = false
	d.stats.Windows++
	var report *Window
	if d.hooks.OnWindow != nil || d.hooks.OnStep != nil {
		report = &Window{Start: w.start, End: w.end, Flows: w.flows, Tuples: w.tuples,
			Connections: w.connections(), Known: d.tuples.len(), Active: d.active()}
	}
	if d.reference() && d.cfg.ForgetAfter > 0 {
		d.forget(report)
	}
	if d.hooks.OnWindow != nil {
		d.hooks.OnWindow(*report)
	}
	return report
}

// active describes the tuples with flows in the window: those at the head of
// the lists.
func (d *Detector) active() []TupleInfo {
	list := make([]TupleInfo, 0, min(d.win.tuples, d.tuples.len()))
	for i := range d.tuples.lists {
		for t := d.tuples.at(d.tuples.lists[i].head); t != nil && t.window == d.win.number; t = d.tuples.at(t.next) {
			list = append(list, d.info(t))
		}
	}
	slices.SortStableFunc(list, func(a, b TupleInfo) int { return cmp.Compare(a.Last, b.Last) })
	return list
}

// forget drops the tuples with too many flows. Whoever has just passed the
// limit did it in this window, so it is at the head of its list.
func (d *Detector) forget(report *Window) {
	for i := range d.tuples.lists {
		if tier(i) == tierOnce {
			continue
		}
		for t := d.tuples.at(d.tuples.lists[i].head); t != nil && t.window == d.win.number; {
			next := d.tuples.at(t.next)
			if t.all > uint64(d.cfg.ForgetAfter) {
				d.stats.Forgotten++
				if report != nil {
					report.Forgotten = append(report.Forgotten, t.key)
				}
				d.tuples.forget(t)
			}
			t = next
		}
	}
}

// info describes a tuple as of now, with all letters that are kept.
func (d *Detector) info(t *tuple) TupleInfo { return d.infoOf(t, math.MaxInt) }

// infoOf describes a tuple with at most so many of its newest letters.
func (d *Detector) infoOf(t *tuple, letters int) TupleInfo {
	i := TupleInfo{Tuple: t.key, Flows: t.all, Last: t.last}
	if t.window == d.win.number {
		i.InWindow = uint64(t.inWindow)
	}
	kept := []byte{t.first}[:min(t.flows, 1)]
	e := d.whole(t)
	if s := e.s; s != nil {
		i.Detections = uint64(s.matches)
		if len(s.letters) > 0 {
			kept, i.Cut = s.letters, s.cut
		}
	}
	left := max(0, len(kept)-max(0, letters))
	i.Letters, i.Cut = string(kept[left:]), i.Cut || left > 0
	if v := d.shown(&e); v != nil {
		i.Label, i.Model, i.Score, i.Threshold = v.name.label, v.name.file, v.score, v.threshold
	}
	return i
}

// shown gives the verdict that listings show of a tuple; nil: none. Verdicts of
// models that were replaced are made again with those in use.
func (d *Detector) shown(t *entry) *verdict {
	s := t.s
	if s == nil {
		return nil
	}
	if s.set != d.set {
		s.forgetVerdicts(d.set)
		s.last = d.scorer.look(t)
	}
	v := &s.last
	if !d.reference() && s.match.bad() && s.matchWindow == d.win.number {
		v = &s.match
	}
	if !v.bad() || !d.enough(t.tuple) {
		return nil
	}
	return v
}
