package detection

import "slips-ips/argusfeed"

// Event names what happened to a flow; the names are those of the expected
// results of the original slips.
type Event string

// The events of a step.
const (
	EventFlow    Event = "flow"          // taken into the open window
	EventNewSlot Event = "flow_new_slot" // taken into a window that it opened
	EventDropped Event = "dropped"       // see Step.Reason
	EventFinal   Event = "final"         // end of input, not a flow
)

// Step is everything that one flow did, for following a detector flow by flow.
type Step struct {
	Event Event
	// Line is the line of the feed, First says that no flow had been taken
	// before it.
	Line  uint64
	First bool
	// Reason says why a flow was dropped: late, edge or future.
	Reason string

	Tuple argusfeed.Tuple
	// N is the number of flows of the tuple so far, Letters what they made.
	N       uint64
	Letters []byte
	// Unsorted says that the flow made no letters as it came out of order.
	Unsorted bool
	// Gaps is how many of the last two gaps there are: with one the newest, T2,
	// is known, with two T1 as well, and their ratio. All in seconds.
	Gaps          int
	T1, T2, Ratio float64

	// Compared holds the numbers of each comparison (reference scorer). Won
	// says that a model won: number Winner in the order of comparison, with
	// this label; Ties later ones were as near.
	Compared  []Comparison
	Won       bool
	Winner    int
	Label     string
	Malicious bool
	Ties      int

	// Ended is the window that ended before the flow was taken; nil: none did.
	// Start and End are the bounds of the window that the flow is in.
	Ended      *Window
	Start, End argusfeed.Time
}

// stepping is what accept knows besides the tuple, the letters and the verdict.
type stepping struct {
	first, next, unsorted, judged bool
	ended                         *Window
}

// stepped tells the hook of a flow that was taken.
func (d *Detector) stepped(t *entry, f *argusfeed.Flow, m *mark, how stepping) {
	s := &d.step
	*s = Step{
		Event: EventFlow, Line: f.Line, First: how.first,
		Tuple: t.key, N: t.all, Letters: append(s.Letters[:0], t.first), Unsorted: how.unsorted,
		Compared: s.Compared, Ended: how.ended, Start: d.win.start, End: d.win.end,
	}
	if how.next && !how.first {
		s.Event = EventNewSlot
	}
	if shown := d.whole(t.tuple); shown.s != nil && len(shown.s.letters) > 0 {
		s.Letters = append(s.Letters[:0], shown.s.letters...)
	}
	if !how.unsorted {
		s.Gaps, s.T1, s.T2, s.Ratio = m.gaps, inSeconds(m.before), inSeconds(m.newest), m.ratio
	}
	if how.judged && t.s.last.name != nil {
		v := &t.s.last
		s.Won, s.Winner, s.Label = true, int(v.index), v.name.label
		s.Malicious, s.Ties = v.malicious, int(v.ties)
	}
	d.hooks.OnStep(s)
}

// dropped tells the hook of a flow that was not taken.
func (d *Detector) dropped(f *argusfeed.Flow, reason string) {
	if d.hooks.OnStep == nil {
		return
	}
	s := &d.step
	*s = Step{Event: EventDropped, Line: f.Line, First: d.win.number == 0, Reason: reason, Tuple: f.Tuple,
		Letters: s.Letters[:0], Compared: s.Compared[:0]}
	d.hooks.OnStep(s)
}

// final tells the hook of the end of the input.
func (d *Detector) final(ended *Window) {
	if d.hooks.OnStep == nil {
		return
	}
	s := &d.step
	*s = Step{Event: EventFinal, Ended: ended, Letters: s.Letters[:0], Compared: s.Compared[:0]}
	d.hooks.OnStep(s)
}
