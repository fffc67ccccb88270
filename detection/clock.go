package detection

import "slips-ips/argusfeed"

// place says what to do with a flow, by its start.
type place uint8

const (
	placeHere   place = iota // take it, in the open window
	placeNext                // end the open window, open one at the flow
	placeLate                // drop: too old
	placeEdge                // drop: at the very end of the slot (reference)
	placeFuture              // too far ahead to be believed alone
)

// span is a time window. Until the first flow, and after the end of one that
// nothing followed yet, none is open.
type span struct {
	open       bool
	start, end argusfeed.Time
}

// place puts a flow where the original slips would have put it: before the
// slot and at its very end flows are lost, beyond it the next slot begins,
// however far away.
func (w span) place(start argusfeed.Time) place {
	switch {
	case !w.open || start > w.end:
		return placeNext
	case start == w.end:
		return placeEdge
	case start < w.start:
		return placeLate
	}
	return placeHere
}

// trusted is the number of flows beyond which more of them do not make a clock
// surer.
const trusted = 100

// clock is the time of one source on the default path: the latest start of all
// its flows, as long as no single record claims too much.
//
// A flow that starts more than maxJump ahead is held. If the next one is far
// ahead as well, time has really passed (a silent night, a gap in a file) and
// the earlier of the two is followed; if not, the held one is dropped. A flow
// that starts more than maxLate behind is dropped, unless so many in a row are
// late that it must be the clock that is wrong: as many as spoke for it, at
// most trusted. So a first record with another date costs nothing, and after a
// router's clock was set back its flows are missed only for a moment.
type clock struct {
	maxJump, maxLate argusfeed.Time

	started bool
	now     argusfeed.Time
	// support is how many flows spoke for now since it last jumped, late how
	// many in a row were too old.
	support, late int
	// setBack counts how often the clock followed late flows.
	setBack uint64

	// held is the flow that waits for being confirmed.
	held  argusfeed.Flow
	holds bool
}

// judge tells whether a flow is here, late or in the future. When it tells
// here, the flow has moved the clock.
func (c *clock) judge(start argusfeed.Time) place {
	switch {
	case !c.started:
		c.jump(start, 0)
	case start > c.now+c.maxJump:
		return placeFuture
	case start < c.now-c.maxLate:
		c.late++
		if c.late < c.support {
			return placeLate
		}
		c.setBack++
		c.jump(start, 0)
	}
	c.late = 0
	c.support = min(c.support+1, trusted)
	c.now = max(c.now, start)
	return placeHere
}

// jump sets the clock on the word of n flows besides the one that follows.
func (c *clock) jump(to argusfeed.Time, n int) {
	c.started, c.now, c.support, c.late = true, to, n, 0
}

// hold keeps a copy of a flow from the future.
func (c *clock) hold(f *argusfeed.Flow) { c.held, c.holds = *f, true }

// release gives the flow that was held.
func (c *clock) release() argusfeed.Flow {
	f := c.held
	c.held, c.holds = argusfeed.Flow{}, false
	return f
}
