package agent

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"slips-ips/agent/allowlist"
	"slips-ips/agent/history"
	"slips-ips/agent/whatif"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// WhatIfOptions say what another policy is asked about.
type WhatIfOptions struct {
	// Config is the one in force, Other the one that is tried: its [policy] and
	// [protect]; the rest is of Config.
	Config, Other Config
	// State is the folder with the history and the allow list; it is only read, and
	// an agent may run on it. Elsewhere tells that it is another host's: then what
	// this host needs is not protected.
	State     string
	Elsewhere bool
	// Since and Until bound the time.
	Since, Until time.Time
	Log          *slog.Logger
}

// WhatIf runs two policies over what a history has: the one in force and another
// one. It changes nothing.
func WhatIf(ctx context.Context, opt WhatIfOptions) (whatif.Report, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	allowed, err := allowlist.Open(filepath.Join(opt.State, "allow.json"))
	if err != nil {
		return whatif.Report{}, err
	}
	q := pastQuery{width: opt.Config.Detection.Width, since: opt.Since, until: opt.Until, feed: opt.Config.feedURL, most: maxPast}
	q.now.cfg, q.other.cfg = opt.Config, opt.Other
	q.other.cfg.Enforce = opt.Config.Enforce
	if opt.Elsewhere {
		p := protection{allowed: allowed}
		entries, _ := allowed.Entries(time.Now())
		q.now.protected = p.with(opt.Config.Protect.Entries(), entries)
		q.other.protected = p.with(opt.Other.Protect.Entries(), entries)
		q.unknown = append(q.unknown, "What that host needed for itself (gateways, resolvers, SSH sessions and the like) is not known here: only [protect] and the allow list are protected.")
	} else {
		p := newProtection(opt.Config, allowed, opt.Log)
		defer p.ends.Stop()
		q.protect(p)
	}
	if err := q.open(); err != nil {
		return whatif.Report{}, err
	}
	past, err := history.ReadMatched(ctx, filepath.Join(opt.State, "history.db"), q.from(), opt.Until)
	if err != nil {
		return whatif.Report{}, err
	}
	return q.run(ctx, past)
}

// pastQuery is one question about the past.
type pastQuery struct {
	now, other   pastPolicy
	width        time.Duration
	since, until time.Time
	home         *policy.Home
	feed         func(source uint16) string
	unknown      []string
	most         uint64 // matches
	clock        time.Time
}

// pastPolicy is one of the policies that are asked.
type pastPolicy struct {
	cfg       Config
	protected *policy.Protected
	decider   *decider
	trials    whatif.Trials
}

// protect takes what p protects at this moment, with the [protect] of each policy.
func (q *pastQuery) protect(p *protection) {
	static, _ := p.entries()
	other := q.other.cfg.Protect.Entries()
	for _, e := range static {
		if e.Kind == policy.KindFeed {
			other = append(other, e)
		}
	}
	allowed, _ := p.allowed.Entries(time.Now())
	q.now.protected, q.other.protected = p.with(static, allowed), p.with(other, allowed)
	q.home = p.home.Load()
	q.unknown = append(q.unknown, "What is never blocked (gateways, resolvers, SSH sessions, the allow list and the like) is what it is now, not what it was then.")
}

func (q *pastQuery) open() error {
	for _, p := range []*pastPolicy{&q.now, &q.other} {
		d, err := newTrial(p.cfg, q.width, p.protected, func() time.Time { return q.clock })
		if err != nil {
			return err
		}
		d.now = func(detection.Detection) argusfeed.Time { return argusfeed.TimeOf(q.clock) }
		d.home = func() *policy.Home { return q.home }
		d.feed = q.feed
		p.trials.From = argusfeed.TimeOf(q.since)
		d.decided = func(o outcome) { p.trials.Add(whatif.NotBlocked(o.decision, o.failed)) }
		p.decider = d
	}
	return nil
}

// from is how far back the policies have to look so that they know at since what
// they would have known.
func (q *pastQuery) from() time.Time {
	return q.since.Add(-max(q.now.decider.engine.Span(), q.other.decider.engine.Span()))
}

// lookUp is after how many matches it is asked whether anybody still waits.
const lookUp = 1000

func (q *pastQuery) run(ctx context.Context, past history.Matched) (whatif.Report, error) {
	r := whatif.Report{Since: q.since.UTC(), Until: q.until.UTC()}
	all, err := layOut(past, q.until, q.most)
	if err != nil {
		return r, err
	}
	tuples := map[argusfeed.Tuple]struct{}{}
	starts := past.Starts
	for i, m := range all {
		if i%lookUp == 0 && ctx.Err() != nil {
			return r, fmt.Errorf("asking the policies about the past: %w", ctx.Err())
		}
		at := m.at.Time()
		for len(starts) > 0 && !starts[0].After(at) {
			q.restart(starts[0]) // for the grace time
			starts = starts[1:]
		}
		d, ok := m.detection(past)
		if !ok {
			continue
		}
		q.clock = at
		if !at.Before(q.since) {
			r.Matches++
			tuples[d.Tuple] = struct{}{}
			if m.spread {
				r.Spread++
			}
		}
		for _, p := range []*pastPolicy{&q.now, &q.other} {
			if err := p.decider.decide([]detection.Detection{d}); err != nil {
				return r, err
			}
		}
	}
	r.Tuples = len(tuples)
	r.Compare(&q.now.trials, &q.other.trials)
	if past.Oldest.After(r.Since) || past.Oldest.IsZero() {
		r.Since = past.Oldest
	}
	r.Unknown = append(q.said(past, r), q.unknown...)
	return r, nil
}

// restart has both begin as an agent does, which takes the matches of before back.
func (q *pastQuery) restart(at time.Time) {
	for _, p := range []*pastPolicy{&q.now, &q.other} {
		p.decider.started = argusfeed.TimeOf(at)
	}
}

// said says what the history cannot tell.
func (q *pastQuery) said(past history.Matched, r whatif.Report) []string {
	said := []string{
		"Only what matched then is in the history: what other models or another [detection] would have found is not.",
		"What was blocked then may have matched less often because of that, and what would have been blocked here goes on matching.",
		"Blocks by hand, blocks that were lifted by hand, and pauses are left out.",
		"An agent that starts takes back the matches of before unless something was changed meanwhile: here they always count.",
	}
	if r.Spread > 0 {
		said = append(said, fmt.Sprintf("%d of the %d matches were only counted: they are laid out evenly, with the numbers of the next one that was kept. "+
			"Of a tuple that goes on, one in ten minutes is kept, with the strongest score: what depends on the score may be up to ten minutes off, and longer where a version before this one kept the history.",
			r.Spread, r.Matches))
	}
	switch {
	case past.Oldest.IsZero():
		said = append(said, "The history is empty.")
	case past.Oldest.After(q.since):
		said = append(said, "The history begins at "+past.Oldest.Format(time.RFC3339)+": nothing of before is known.")
	}
	if past.Holes > 0 {
		said = append(said, fmt.Sprintf("The history has holes: %d entries tell of events that were lost.", past.Holes))
	}
	return said
}
