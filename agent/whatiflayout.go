package agent

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// pastMatch is one match of the past: one that was kept, or one of those that it
// stands for.
type pastMatch struct {
	at     argusfeed.Time // when the agent saw it
	time   argusfeed.Time // when its flow began
	kept   int32          // index of Matched.Matches; -1: the newest of the episode
	back   int32          // how many matches before that one
	of     int32          // index of Matched.Episodes
	spread bool
}

// How many matches the policies are asked about: some 12 µs of a processor and 50
// bytes each. A running agent has other things to do.
const (
	maxPast      = 2_000_000
	maxPastAgent = 300_000
)

// layOut gives the matches of before until one by one, in the order of time. What
// was only counted is laid out evenly.
// ErrTooMuch where there are more than most.
func layOut(past history.Matched, until time.Time, most uint64) ([]pastMatch, error) {
	n := uint64(0)
	for _, m := range past.Matches {
		n += m.Count
	}
	for _, counted := range past.Counted {
		n += counted
	}
	if n > most {
		return nil, fmt.Errorf("asking the policies about the past: %w: %d matches, and at most %d can be looked at; ask for less time", history.ErrTooMuch, n, most)
	}
	l := layout{past: past, until: argusfeed.TimeOf(until), before: make([]*pastMatch, len(past.Episodes)), all: make([]pastMatch, 0, n)}
	for i, m := range past.Matches {
		l.lay(pastMatch{at: argusfeed.TimeOf(m.At), time: m.Time, kept: int32(i), of: int32(m.Episode)}, m.Count, m.Gap)
	}
	for of, n := range past.Counted {
		last := pastMatch{at: argusfeed.TimeOf(past.Episodes[of].Last), kept: -1, of: int32(of)}
		var gap time.Duration
		if newest := past.Episodes[of].Newest; newest != nil {
			last.time, gap = newest.Time, newest.Gap
		}
		if k := past.KeptUntil[of]; !k.IsZero() && l.before[of] == nil { // it was before what is looked at
			at := argusfeed.TimeOf(k)
			l.before[of] = &pastMatch{at: at, time: last.time.Add(at.Sub(last.at))}
		}
		l.lay(last, n, gap)
	}
	slices.SortStableFunc(l.all, func(a, b pastMatch) int { return cmp.Compare(a.at, b.at) })
	return l.all, nil
}

type layout struct {
	past   history.Matched
	until  argusfeed.Time
	before []*pastMatch // the one laid before, of each episode
	all    []pastMatch
}

// lay lays out the n matches that one stands for, itself the last: back to the one
// before, or to the begin of the episode with a gap between their flows.
func (l *layout) lay(last pastMatch, n uint64, gap time.Duration) {
	var step, flowStep time.Duration
	switch before := l.before[last.of]; {
	case before != nil && n > 1: // which is none of these
		step, flowStep = last.at.Sub(before.at)/time.Duration(n), last.time.Sub(before.time)/time.Duration(n)
	case n > 1:
		step, flowStep = last.at.Sub(argusfeed.TimeOf(l.past.Episodes[last.of].First))/time.Duration(n-1), gap
		if flowStep == 0 {
			flowStep = step
		}
	}
	step, flowStep = max(0, step), max(0, flowStep)
	for back := n; back > 0; back-- {
		m := last
		m.back = int32(back - 1)
		m.at = last.at.Add(-step * time.Duration(back-1))
		m.time = last.time.Add(-flowStep * time.Duration(back-1))
		m.spread = back > 1
		if m.at < l.until {
			l.all = append(l.all, m)
		}
	}
	l.before[last.of] = &last
}

// detection gives the match as the detection that it was; ok is false where the
// history does not know enough of it.
func (m pastMatch) detection(past history.Matched) (d detection.Detection, ok bool) {
	e := past.Episodes[m.of]
	tuple, err := argusfeed.ParseTuple(e.Tuple)
	if err != nil {
		return d, false
	}
	d = detection.Detection{Tuple: tuple, Label: e.Label, Scorer: e.Scorer}
	switch {
	case m.kept >= 0:
		k := past.Matches[m.kept]
		d.Score, d.Flows, d.Gap = k.Score, k.Flows, k.Gap
		d.Source, d.Generic, d.Behaviour, d.Normal = k.Source, k.Generic, k.Behaviour, k.Normal
	case e.Newest != nil:
		n := *e.Newest
		d.Score, d.Flows, d.Gap = n.Score, n.Flows, n.Gap
		d.Source, d.Generic, d.Behaviour, d.Normal = n.Source, n.Generic, n.Behaviour, n.Normal
	default:
		return d, false
	}
	if e.Newest != nil {
		d.Threshold = e.Newest.Threshold
	}
	d.Time = m.time
	d.Flows -= min(d.Flows, uint64(m.back))
	if m.back > 0 {
		d.Normal = "" // it is the newest's
	}
	return d, true
}
