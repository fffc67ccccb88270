package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gaissmai/bart"

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

	// What a Tracker has to remember for the rules.
	maxMatches, maxTuples int
	maxSpan               time.Duration
}

// compiled is a rule in the form that Decide needs; nil and empty conditions
// fit everything.
type compiled struct {
	name     string
	label    string // folded
	proto    Protocol
	number   uint8
	isIP     bool
	ports    Ports
	src, dst *bart.Lite
	below    *float64
	generic  *bool

	action   Action
	duration time.Duration
	matches  int
	windows  int
	span     time.Duration // of all windows
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
	// InForce is the block of this very tuple, if there is one.
	InForce InForce
	// BlocksInForce counts all of them.
	BlocksInForce int
}

// InForce is a block that the kernel has until a time on the clock of View.Now;
// the zero value, and one that ended, are none.
type InForce struct {
	ID    string
	Until argusfeed.Time
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
	e := &Engine{width: width, widthText: shortDuration(width), renew: cfg.Renew, maxBlocks: cfg.MaxBlocks, maxTuples: cfg.MaxTuples}
	for i, r := range cfg.Rules {
		r.Name = nameOf(r, i)
		e.add(cfg, r)
	}
	e.add(cfg, Rule{Name: DefaultRule, Action: cfg.Action})
	return e, nil
}

// maxWidth times MaxWindows is still a time.Duration.
const maxWidth = 24 * time.Hour

func (e *Engine) add(cfg Config, r Rule) {
	c := compiled{
		name:     r.Name,
		label:    foldLabel(string(r.Label)),
		proto:    r.Protocol,
		ports:    slices.Clone(r.Ports),
		src:      tableOf(r.Source),
		dst:      tableOf(r.Destination),
		below:    r.Below,
		generic:  r.Generic,
		action:   r.Action,
		duration: cfg.Duration,
		matches:  cfg.Matches,
		windows:  cfg.Windows,
	}
	c.number, c.isIP = r.Protocol.number()
	if r.Duration != nil {
		c.duration = *r.Duration
	}
	if r.Matches != nil {
		c.matches = *r.Matches
	}
	if r.Windows != nil {
		c.windows = *r.Windows
	}
	c.span = time.Duration(c.windows) * e.width
	e.maxMatches = max(e.maxMatches, c.matches)
	e.maxSpan = max(e.maxSpan, c.span)
	e.rules = append(e.rules, c)
}

func tableOf(list Prefixes) *bart.Lite {
	if len(list) == 0 {
		return nil
	}
	t := new(bart.Lite)
	for _, p := range list {
		t.Insert(unmapPrefix(p.Prefix).Masked())
	}
	return t
}

// Decide answers a detection. It reads nothing but its arguments: the same
// ones give the same decision.
func (e *Engine) Decide(d detection.Detection, v View) Decision {
	r := e.rule(d)
	dec := Decision{
		ID: v.ID, Time: v.Now, Tuple: d.Tuple, Rule: r.name,
		Label: d.Label, Score: d.Score, Threshold: d.Threshold, Flows: d.Flows,
	}
	dec.Matches, dec.Since = count(v.Evidence.Times, d.Time, r.span)
	dec.Confirmed = dec.Matches >= r.matches

	var against string
	dec.Action, dec.Cause, against = e.judge(d, v, r, dec.Confirmed)
	if dec.Action == ActionBlock {
		dec.Scope, dec.Duration = ScopeTuple, r.lasts(d)
		dec.Renewal = dec.Cause == CauseRenewal
	} else {
		dec.Repeat = repeats(v.Evidence.Last, dec)
	}
	dec.Reason = e.reason(&dec, r, d, against)
	return dec
}

// judge walks through the steps in doc.go; against says in words what kept a
// block from being one.
func (e *Engine) judge(d detection.Detection, v View, r *compiled, confirmed bool) (_ Action, _ Cause, against string) {
	if r.action != ActionBlock {
		return r.action, CauseRule, ""
	}
	if !confirmed {
		return ActionAlert, CauseUnconfirmed, "" // reason has the numbers
	}
	if why := Unblockable(d.Tuple); why != "" {
		return ActionAlert, CauseUnblockable, why
	}
	if age := v.Now.Sub(d.Time); age > MaxAge {
		return ActionAlert, CauseStale, fmt.Sprintf("the flow is from %s, more than %s ago: stored flows block nobody today",
			d.Time, shortDuration(MaxAge))
	}
	if why, refused := v.Protected.Refuses(d.Tuple, ScopeTuple); refused {
		return ActionAlert, CauseProtected, why
	}
	if left := v.InForce.Until.Sub(v.Now); v.InForce != (InForce{}) && left > 0 {
		// Against the duration that the new block would have: so a block is
		// never cut short by a rule with a shorter one.
		if share := time.Duration(e.renew * float64(r.lasts(d))); left >= share {
			against = "already blocked until " + v.InForce.Until.Time().Format(timeLayout)
			if share > 0 {
				against += ", renewed when less than " + shortDuration(share) + " is left"
			}
			return ActionAlert, CauseInForce, against
		}
		return ActionBlock, CauseRenewal, ""
	}
	if v.BlocksInForce >= e.maxBlocks {
		return ActionAlert, CauseMaxBlocks, fmt.Sprintf("%d blocks are in force and at most %d may be (max_blocks)", v.BlocksInForce, e.maxBlocks)
	}
	return ActionBlock, CauseConfirmed, ""
}

// gapsBlocked is how many gaps of a beacon a block lasts at least: a shorter one
// is over before the next call and stops nothing. With three of them a call that
// is blocked comes early enough to renew it.
const gapsBlocked = 3

// lasts is how long a block of the rule is.
func (r *compiled) lasts(d detection.Detection) time.Duration {
	return max(r.duration, min(gapsBlocked*min(d.Gap, MaxDuration), MaxDuration))
}

// repeats tells whether the answer before told what dec tells.
func repeats(last Answer, dec Decision) bool {
	if dec.Cause == CauseInForce && last.Action == ActionBlock {
		return true // that block is the one in force
	}
	return last == Answer{dec.Action, dec.Rule, dec.Cause}
}

// count gives the number of times within a span of now, and the first of them.
func count(times []argusfeed.Time, now argusfeed.Time, span time.Duration) (n int, first argusfeed.Time) {
	first = now
	for _, t := range times {
		if absSub(t, now) < span {
			n++
			first = min(first, t)
		}
	}
	return n, first
}

// rule gives the first rule that fits d.
func (e *Engine) rule(d detection.Detection) *compiled {
	var folded string
	for i := range e.rules[:len(e.rules)-1] {
		r := &e.rules[i]
		if r.label != "" && folded == "" {
			folded = foldLabel(d.Label)
		}
		if r.fits(d.Tuple, folded) && r.fitsProbability(d) && (r.generic == nil || *r.generic == d.Generic) {
			return r
		}
	}
	return &e.rules[len(e.rules)-1]
}

func (r *compiled) fitsProbability(d detection.Detection) bool {
	if r.below == nil {
		return true
	}
	p, ok := d.Probability()
	return ok && p < *r.below
}

func (r *compiled) fits(t argusfeed.Tuple, foldedLabel string) bool {
	return r.fitsProtocol(t.Proto) && r.fitsPort(t.Port) &&
		fitsAddr(r.src, t.Src) && fitsAddr(r.dst, t.Dst) &&
		(r.label == "" || globMatches(r.label, foldedLabel))
}

func (r *compiled) fitsProtocol(p argusfeed.Proto) bool {
	if r.proto == "" {
		return true
	}
	if r.isIP {
		n, ok := p.Number()
		return ok && n == r.number
	}
	return strings.EqualFold(p.String(), string(r.proto))
}

func (r *compiled) fitsPort(p argusfeed.Port) bool {
	if len(r.ports) == 0 {
		return true
	}
	n, ok := p.Number()
	return ok && r.ports.Contains(n)
}

// fitsAddr takes an IPv4-mapped address for the IPv4 address in it.
func fitsAddr(table *bart.Lite, a argusfeed.Addr) bool {
	if table == nil {
		return true
	}
	ip, ok := a.IP()
	return ok && table.Contains(ip.Unmap())
}
