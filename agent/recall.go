package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// recallMatches gives the decider back the matches of before this process, so that
// what was about to be confirmed is not let off by a restart. It is for before the
// pipeline runs. Where it is not certain that a match still counts it does not: the
// evidence then has to come again, as without a history.
func (a *Agent) recallMatches() {
	h := a.kept.history
	if h == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), pastTime)
	defer cancel()
	now := time.Now()
	since, err := a.matchesSince(ctx, now)
	var past history.Matched
	if err == nil {
		past, err = h.Matched(ctx, since, now)
	}
	for errors.Is(err, history.ErrTooMuch) && now.Sub(since) > time.Hour { // the newest of them
		since = now.Add(-now.Sub(since) / 2)
		past, err = h.Matched(ctx, since, now)
	}
	if err != nil {
		a.log.Error("the matches of before are not known: what was about to be blocked has to match again", "error", err)
		return
	}
	if n := a.decider.recall(past); n > 0 {
		a.log.Info("took back matches of before", "matches", n, "tuples", a.decider.tracker.Len(),
			"since", since.UTC().Format(time.RFC3339), "took", time.Since(now).Round(time.Millisecond).String())
		a.tracked.Store(int64(a.decider.tracker.Len()))
	}
}

// lookedAt is how many events are looked at for the newest change, and start.
const lookedAt = 200

// matchesSince gives from when on matches of before still count: as long as the policy
// looks back, but not from before somebody changed what an agent goes by, while it ran
// or while none did, nor from before another version found them.
func (a *Agent) matchesSince(ctx context.Context, now time.Time) (time.Time, error) {
	since := now.Add(-a.decider.engine.Span())
	later := func(t time.Time) {
		if t.After(since) {
			since = t
		}
	}
	for _, path := range []string{a.opt.Path, filepath.Join(a.cfg.Agent.State, "allow.json")} {
		if info, err := os.Stat(path); err == nil {
			later(info.ModTime().Add(time.Second)) // the clock of files has ticks
		}
	}
	page, err := a.kept.history.Events(ctx, history.Query{Kinds: []history.Kind{history.KindChange, history.KindAgent}, Since: since, Limit: lookedAt})
	if err != nil {
		return since, err
	}
	started := false
	for _, e := range page.Events { // the newest first
		switch {
		case len(e.Changes) > 0:
			later(e.Time)
		case !started && strings.HasPrefix(e.Text, history.StartedText):
			started = true
			if !strings.HasSuffix(e.Text, versionText(a.opt.Version)) {
				return now, nil
			}
		}
	}
	if page.Next != "" { // who knows what is before them
		later(page.Events[len(page.Events)-1].Time)
	}
	return since, nil
}

// versionText ends the text of the event of a start.
func versionText(version string) string { return ", version " + version }

// recall has the tracker take note of the matches that a history kept one by one, each
// flow once, and tells how many there were. Of a tuple of which some are only counted
// nothing is certain: a normal model may have spoken against those.
func (d *decider) recall(past history.Matched) (n int) {
	counted := map[string]bool{}
	for i, of := range past.Counted {
		counted[past.Episodes[i].Tuple] = counted[past.Episodes[i].Tuple] || of > 0
	}
	for _, m := range past.Matches {
		counted[past.Episodes[m.Episode].Tuple] = counted[past.Episodes[m.Episode].Tuple] || m.Count > 1
	}
	d.recalled = map[argusfeed.Tuple][]argusfeed.Time{}
	for _, m := range past.Matches {
		text := past.Episodes[m.Episode].Tuple
		tuple, err := argusfeed.ParseTuple(text)
		if err != nil || counted[text] || slices.Contains(d.recalled[tuple], m.Time) {
			continue
		}
		d.recalled[tuple] = append(d.recalled[tuple], m.Time)
		d.tracker.Observe(detection.Detection{Tuple: tuple, Time: m.Time, Normal: m.Normal})
		n++
	}
	return n
}

// evidence takes note of a match and gives what is known of its tuple's. One whose
// flow is read again, as from a file that is followed, counts already.
func (d *decider) evidence(det detection.Detection) policy.Evidence {
	if slices.Contains(d.recalled[det.Tuple], det.Time) {
		if e := d.tracker.Evidence(det.Tuple); len(e.Times) > 0 {
			return e
		}
	}
	return d.tracker.Observe(det)
}
