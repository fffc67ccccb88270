package agent

import (
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
	at     time.Time
	kept   int32 // index of Matched.Matches; -1: the newest of the episode
	back   int32 // how many matches before that one
	of     int32 // index of Matched.Episodes
	spread bool
}

// maxPast is how many matches the policies are asked about: some 15 s and 60 MB.
const maxPast = 1_000_000

// layOut gives the matches of before until one by one, in the order of time. What
// was only counted is laid out evenly.
func layOut(past history.Matched, until time.Time) ([]pastMatch, error) {
	var all []pastMatch
	before := make([]time.Time, len(past.Episodes)) // the match before, of each episode
	seen := make([]bool, len(past.Episodes))
	lay := func(of, kept int, at time.Time, n uint64) error {
		from := before[of]
		if !seen[of] {
			from = past.Episodes[of].First
		}
		if uint64(len(all))+n > maxPast {
			return fmt.Errorf("asking the policies about the past: %w: more than %d matches; ask for less time", history.ErrTooMuch, maxPast)
		}
		step := time.Duration(0)
		if n > 1 && at.After(from) {
			gaps := n // from the match before, which is not one of these
			if !seen[of] {
				gaps = n - 1 // the first of them is the first of all
			}
			step = at.Sub(from) / time.Duration(gaps)
		}
		for back := n; back > 0; back-- {
			m := pastMatch{at: at.Add(-step * time.Duration(back-1)), kept: int32(kept), back: int32(back - 1), of: int32(of), spread: back > 1 || kept < 0}
			if m.at.Before(until) {
				all = append(all, m)
			}
		}
		before[of], seen[of] = at, true
		return nil
	}
	for i, m := range past.Matches {
		if err := lay(m.Episode, i, m.At, m.Count); err != nil {
			return nil, err
		}
	}
	for of, n := range past.Counted {
		if k := past.KeptUntil[of]; !k.IsZero() && !seen[of] {
			before[of], seen[of] = k, true
		}
		if err := lay(of, -1, past.Episodes[of].Last, n); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, func(a, b pastMatch) int { return a.at.Compare(b.at) })
	return all, nil
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
	at := e.Last
	switch {
	case m.kept >= 0:
		k := past.Matches[m.kept]
		d.Score, d.Flows, d.Time, d.Gap, at = k.Score, k.Flows, k.Time, k.Gap, k.At
		d.Source, d.Generic, d.Behaviour, d.Normal = k.Source, k.Generic, k.Behaviour, k.Normal
	case e.Newest != nil:
		n := *e.Newest
		d.Score, d.Flows, d.Time, d.Gap = n.Score, n.Flows, n.Time, n.Gap
		d.Source, d.Generic, d.Behaviour, d.Normal = n.Source, n.Generic, n.Behaviour, n.Normal
	default:
		return d, false
	}
	if e.Newest != nil {
		d.Threshold = e.Newest.Threshold
	}
	d.Time = d.Time.Add(m.at.Sub(at))
	d.Flows -= min(d.Flows, uint64(m.back))
	if m.back > 0 {
		d.Normal = "" // it is the newest's
	}
	return d, true
}
