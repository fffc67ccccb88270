package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/gaissmai/bart"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// compiled is a rule in the form that Decide needs; nil and empty conditions
// fit everything.
type compiled struct {
	name         string
	label        string // folded
	proto        Protocol
	number       uint8
	isIP         bool
	ports        Ports
	src, dst     *bart.Lite
	below, above *float64
	generic      *bool
	behaviour    Behaviours
	directions   Directions
	feed         string // folded
	hours        Hours
	days         Days

	action   Action
	scope    Scope // never empty
	verdict  Verdict
	duration time.Duration
	longest  time.Duration
	matches  int
	windows  int
	span     time.Duration // of all windows
	score    float64
	flows    uint64
	grace    time.Duration
}

func (e *Engine) add(cfg Config, r Rule) {
	c := compiled{
		name:       r.Name,
		label:      foldLabel(string(r.Label)),
		proto:      r.Protocol,
		ports:      slices.Clone(r.Ports),
		src:        tableOf(r.Source),
		dst:        tableOf(r.Destination),
		below:      r.Below,
		above:      r.Above,
		generic:    r.Generic,
		behaviour:  slices.Clone(r.Behaviour),
		directions: slices.Clone(r.Direction),
		feed:       foldLabel(string(r.Feed)),
		hours:      slices.Clone(r.Hours),
		days:       slices.Clone(r.Days),
		action:     r.Action,
		scope:      cmp.Or(r.Scope, ScopeTuple),
		verdict:    r.Verdict,
		duration:   time.Duration(or(r.Duration, cfg.Duration)),
		longest:    time.Duration(cmp.Or(or(r.Longest, cfg.Longest), Duration(MaxDuration))),
		matches:    or(r.Matches, cfg.Matches),
		windows:    or(r.Windows, cfg.Windows),
		score:      or(r.Score, cfg.Score),
		flows:      uint64(or(r.Flows, cfg.Flows)),
		grace:      time.Duration(or(r.Grace, cfg.Grace)),
	}
	c.number, c.isIP = r.Protocol.number()
	c.span = time.Duration(c.windows) * e.width
	e.maxMatches = max(e.maxMatches, c.matches)
	e.maxSpan = max(e.maxSpan, c.span)
	e.rules = append(e.rules, c)
}

func or[T any](v *T, otherwise T) T {
	if v != nil {
		return *v
	}
	return otherwise
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

// rule gives the first rule that fits d.
func (e *Engine) rule(d detection.Detection, v View, direction Direction) *compiled {
	var folded, feed string
	for i := range e.rules[:len(e.rules)-1] {
		r := &e.rules[i]
		if r.label != "" && folded == "" {
			folded = foldLabel(d.Label)
		}
		if r.feed != "" && feed == "" {
			feed = foldLabel(v.Feed)
		}
		if r.fits(d.Tuple, folded) && r.fitsProbability(d) && (r.generic == nil || *r.generic == d.Generic) &&
			r.behaviour.fits(d.Behaviour) && (r.feed == "" || globMatches(r.feed, feed)) &&
			(len(r.directions) == 0 || slices.Contains(r.directions, direction)) &&
			(len(r.hours) == 0 && len(r.days) == 0 || fitsSchedule(r.hours, r.days, d.Time.Time().In(e.zone))) {
			return r
		}
	}
	return &e.rules[len(e.rules)-1]
}

func (r *compiled) fitsProbability(d detection.Detection) bool {
	if r.below == nil && r.above == nil {
		return true
	}
	p, ok := d.Probability()
	return ok && (r.below == nil || p < *r.below) && (r.above == nil || p >= *r.above)
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
