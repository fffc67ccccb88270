package argusfeed

import (
	"fmt"
	"time"
)

// episode is a time in which something is lost again and again: the log has its
// beginning and its end, not every loss. The zero value is none.
type episode struct {
	begin, last time.Time
	total       uint64
}

// episodeQuiet is how long nothing may be lost until an episode is over.
const episodeQuiet = 10 * time.Second

// add notes a loss, and tells whether an episode begins with it.
func (e *episode) add(n uint64, now time.Time) (begins bool) {
	begins = e.begin.IsZero()
	if begins {
		e.begin = now
	}
	e.last = now
	e.total += n
	return begins
}

// over tells of an episode that has ended for good, or in any case where the
// source ends.
func (e *episode) over(now time.Time, ends bool) (total uint64, lasted time.Duration, ok bool) {
	if e.begin.IsZero() || !ends && now.Sub(e.last) < episodeQuiet {
		return 0, 0, false
	}
	total, lasted = e.total, e.last.Sub(e.begin)
	*e = episode{}
	return total, lasted, true
}

// lostPackets counts packets that the capture of Argus has lost.
func (s *liveSource) lostPackets(n uint64, now time.Time) {
	if n == 0 {
		return
	}
	s.add(&s.s.Lost, n)
	if s.lost.add(n, now) {
		s.opt.Log.Warn("argus loses packets: this machine is too slow for the traffic", "source", s.String(), "packets", n)
	}
}

// shedFlows counts flows that are thrown away since detection is too slow.
func (s *liveSource) shedFlows(n int, now time.Time) {
	s.add(&s.s.Dropped, uint64(n))
	if s.shed.add(uint64(n), now) {
		s.opt.Log.Warn("flows are thrown away: detection is too slow for the source", "source", s.String(), "queued", liveQueue)
	}
}

// joinedSoFar takes in how records became flows.
func (s *liveSource) joinedSoFar(j JoinStats, now time.Time) {
	forced := j.Forced - s.Stats().Joined.Forced
	s.status.joined(j)
	if forced > 0 && s.full.add(forced, now) {
		s.opt.Log.Warn("flows are given out before they are over: too many are open at a time, max_flows of the source says how many may be", "source", s.String(), "held", j.Held)
	}
}

// overAll tells of the episodes that end with the source.
func (s *liveSource) overAll(now time.Time) { s.episodesOver(now, true) }

// episodesOver tells of the episodes that have ended.
func (s *liveSource) episodesOver(now time.Time, ends bool) {
	if total, lasted, ok := s.lost.over(now, ends); ok {
		s.opt.Log.Warn("argus loses no more packets", "source", s.String(), "packets", total, "lasted", lasted.Round(time.Millisecond))
	}
	if total, lasted, ok := s.full.over(now, ends); ok {
		s.opt.Log.Warn("flows are held until they are over again", "source", s.String(), "flows", total, "lasted", lasted.Round(time.Millisecond))
	}
	if total, lasted, ok := s.shed.over(now, ends); ok {
		s.opt.Log.Warn("no more flows are thrown away", "source", s.String(), "flows", total, "lasted", lasted.Round(time.Millisecond))
	}
}

// absence is the time in which a source is not connected, and what is known of
// the Argus that it was connected to.
type absence struct {
	since    time.Time // zero while connected
	attempts uint64
	told     string // the error that the log has
	ever     bool   // it was connected once
	known    argusPosition
}

// argusPosition is how far an Argus was when it was last heard. It numbers flows
// from its start. Radium numbers nothing; it is known by the interval of its
// heartbeat, which it does not tell.
type argusPosition struct {
	start Time
	probe uint64
	next  uint32 // the number of the next flow
}

// positionOf takes the position from a first record.
func positionOf(h *heartbeat) argusPosition {
	if h.StatusInterval == 0 {
		return argusPosition{}
	}
	return argusPosition{start: h.Start, probe: h.Probe, next: h.NextSeq}
}

// began notes that there is no connection, and tells whether the log should have
// it: it is new, or has another reason.
func (a *absence) began(now time.Time, why string) (news bool) {
	if a.since.IsZero() {
		a.since = now
		a.told = ""
	}
	a.attempts++
	news = a.told != why
	a.told = why
	return news
}

// connected notes that a source is connected, and counts what it has missed.
func (s *liveSource) connected(h *heartbeat, now time.Time) {
	before, is, ever := s.away.known, positionOf(h), s.away.ever
	s.away.known, s.away.ever = is, true
	if s.away.since.IsZero() {
		s.opt.Log.Info("source live", "source", s.String())
		return
	}
	away := now.Sub(s.away.since)
	attrs := []any{"source", s.String(), "away", away.Round(time.Millisecond), "attempts", s.away.attempts}
	s.away.since, s.away.attempts = time.Time{}, 0
	if ever {
		var missed uint64
		same := before.start != 0 && before.start == is.start && before.probe == is.probe
		switch {
		case same && is.next >= before.next:
			missed = uint64(is.next - before.next)
			attrs = append(attrs, "missed_flows", fmt.Sprintf("%d at most", missed))
		case before.start != 0 && is.start != 0 && !same:
			attrs = append(attrs, "missed_flows", "not known: argus was started again")
		default:
			attrs = append(attrs, "missed_flows", "not known")
		}
		s.missed(away, missed)
	}
	s.opt.Log.Info("source live", attrs...)
}

// saw notes the number of a flow.
func (p *argusPosition) saw(seq uint32) {
	if p.start != 0 && seq >= p.next {
		p.next = seq + 1
	}
}
