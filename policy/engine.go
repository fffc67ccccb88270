package policy

import (
	"fmt"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// Engine decides. It does not change after New and is safe for concurrent use.
type Engine struct {
	rules     []compiled // the last one fits everything
	width     time.Duration
	widthText string
	renew     float64
	maxBlocks int
	budget    Budget
	repeat    []time.Duration
	forgive   time.Duration
	jitter    float64
	home      *Home // nil: View.Home and the private ranges
	zone      *time.Location

	// What a Tracker has to remember for the rules.
	maxMatches, maxTuples int
	maxSpan               time.Duration
}

// View is what Decide has to know besides the detection.
type View struct {
	// Now is the time of the decision, on the clock that InForce goes by: the
	// wall clock of an agent, flow time in a replay.
	Now argusfeed.Time
	// ID becomes that of the decision; it must be globally unique.
	ID string
	// Evidence is what Tracker.Observe said of the detection.
	Evidence Evidence
	// Protected must be known: while it is nil nothing is blocked.
	Protected *Protected
	// Home are the networks of this host's interfaces that others are in.
	Home *Home
	// Feed is the URL of the feed that the flow came from (Detection.Source).
	Feed string
	// Started is when the agent began to look, on the clock of Now; 0: long ago.
	Started argusfeed.Time
	// Paused says in words why nothing is blocked at all; empty: it is.
	Paused string
	// InForce is the block that stops all that one of the rule that decides would
	// (Engine.Scope), if there is one: of several the one that lasts the longest.
	InForce InForce
	// BlocksInForce counts all of them.
	BlocksInForce int
	// Spent is what Ledger.Spent says of the tuple, and Offended what
	// Offences.Of does. Their zero values: nothing, and never blocked.
	Spent    Spent
	Offended Offended
}

// InForce is a block that the kernel has until a time on the clock of View.Now;
// the zero value, and one that ended, are none.
type InForce struct {
	ID    string
	Until argusfeed.Time
	// Scope is that of the block; empty: of the very tuple.
	Scope Scope
}

// New makes an engine. The width is that of a time window of the detection.
// The error is that of Config.Validate.
func New(cfg Config, width time.Duration) (*Engine, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	if width <= 0 || width > maxWidth {
		return nil, fmt.Errorf("policy: a time window of %v is not allowed; use more than 0 and at most %v", width, maxWidth)
	}
	zone, err := cfg.Timezone.Location()
	if err != nil {
		return nil, fmt.Errorf("policy: timezone: %w", err)
	}
	e := &Engine{
		width: width, widthText: shortDuration(width), renew: cfg.Renew, maxBlocks: cfg.MaxBlocks, maxTuples: cfg.MaxTuples,
		budget: cfg.Budget, forgive: time.Duration(cfg.Forgive), jitter: cfg.Jitter, zone: zone,
	}
	for _, step := range cfg.Repeat {
		e.repeat = append(e.repeat, time.Duration(step))
	}
	if len(cfg.Home) > 0 {
		e.home = NewHome()
		for _, n := range cfg.Home {
			e.home.set.Insert(unmapPrefix(n.Prefix.Prefix).Masked())
		}
	}
	for i, r := range cfg.Rules {
		r.Name = nameOf(r, i)
		e.add(cfg, r)
	}
	e.add(cfg, Rule{Name: DefaultRule, Action: cfg.Action})
	return e, nil
}

// Scope is that of the rule that would decide d, where it blocks. Of v it looks at
// Protected, Home and Feed.
func (e *Engine) Scope(d detection.Detection, v View) Scope {
	return e.rule(d, v, e.direction(d.Tuple, v)).scope
}

// Span is the longest time that a rule counts matches over.
func (e *Engine) Span() time.Duration { return e.maxSpan }

// maxWidth times MaxWindows is still a time.Duration.
const maxWidth = 24 * time.Hour

// Decide answers a detection. It reads nothing but its arguments: the same
// ones give the same decision.
func (e *Engine) Decide(d detection.Detection, v View) Decision {
	dec := Decision{
		ID: v.ID, Time: v.Now, Tuple: d.Tuple, Direction: e.direction(d.Tuple, v),
		Label: d.Label, Score: d.Score, Threshold: d.Threshold, Flows: d.Flows,
	}
	r := e.rule(d, v, dec.Direction)
	dec.Rule = r.name
	dec.Matches, dec.Since = count(v.Evidence.Times, d.Time, r.span)
	missing := r.missing(d)
	dec.Confirmed = dec.Matches >= r.matches && missing == ""
	before := v.Offended.of(r.scope, v.Now, e.forgive)
	dec.Offence = before.counts(v.Now, e.forgive)

	var against string
	dec.Action, dec.Cause, against = e.judge(d, v, r, &dec, missing)
	if dec.Action == ActionBlock {
		dec.Scope, dec.Verdict = r.scope, r.verdict
		if dec.Renewal = dec.Cause == CauseRenewal; dec.Renewal {
			dec.Offence = max(0, dec.Offence-1) // the one in force is the last of them
		}
		dec.Duration = e.duration(r, d, before, dec.Offence, v.ID)
	} else {
		dec.Repeat = repeats(v.Evidence.Last, dec)
	}
	dec.Reason = e.reason(&dec, r, d, against)
	return dec
}

// judge walks through the steps in doc.go; against says in words what kept a
// block from being one.
func (e *Engine) judge(d detection.Detection, v View, r *compiled, dec *Decision, missing string) (_ Action, _ Cause, against string) {
	if r.action != ActionBlock {
		return r.action, CauseRule, ""
	}
	if !dec.Confirmed {
		if dec.Matches < r.matches {
			missing = "" // reason has the numbers
		}
		return ActionAlert, CauseUnconfirmed, missing
	}
	if ran := v.Now.Sub(v.Started); v.Started != 0 && ran < r.grace {
		return ActionAlert, CauseGrace, "the agent has run for " + shortDuration(max(0, ran).Truncate(time.Second)) +
			" and blocks nothing in the first " + shortDuration(r.grace) + " (grace)"
	}
	if why := UnblockableAs(d.Tuple, r.scope); why != "" {
		return ActionAlert, CauseUnblockable, why
	}
	if age := v.Now.Sub(d.Time); age > MaxAge {
		return ActionAlert, CauseStale, fmt.Sprintf("the flow is from %s, more than %s ago: stored flows block nobody today",
			d.Time.Time().Format(timeLayout), shortDuration(MaxAge))
	}
	if why, refused := v.Protected.Refuses(d.Tuple, r.scope); refused {
		return ActionAlert, CauseProtected, why
	}
	if v.Paused != "" {
		return ActionAlert, CausePaused, v.Paused
	}
	if left := v.InForce.Until.Sub(v.Now); v.InForce != (InForce{}) && left > 0 && v.InForce.Scope.covers(r.scope) {
		// Against the duration that the new block would have: so a block is
		// never cut short by a rule with a shorter one.
		if share := time.Duration(e.renew * float64(e.lasts(r, d, dec.Offence-1))); left >= share {
			against = "already blocked until " + v.InForce.Until.Time().Format(timeLayout)
			if share > 0 {
				against += ", renewed when less than " + shortDuration(share) + " is left"
			}
			return ActionAlert, CauseInForce, against
		}
		if v.InForce.Scope == r.scope || v.InForce.Scope == "" && r.scope == ScopeTuple {
			return ActionBlock, CauseRenewal, ""
		}
	}
	if cause, against, ok := e.spent(v, grave(dec, d, v)); !ok {
		return ActionAlert, cause, against
	}
	return ActionBlock, CauseConfirmed, ""
}

// repeats tells whether the answer before told what dec tells.
func repeats(last Answer, dec Decision) bool {
	if dec.Cause == CauseInForce && last.Action == ActionBlock {
		return true // that block is the one in force
	}
	return last == Answer{dec.Action, dec.Rule, dec.Cause}
}
