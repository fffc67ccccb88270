package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// DefaultRule is the rule named in decisions on what no rule fits.
const DefaultRule = "default"

// Rule is one [[policy.rule]]: what is to be done about the detections that
// fit all of its conditions. A condition left out fits everything; one that
// asks for a port or an address fits no tuple without one.
type Rule struct {
	// Name is what decisions call the rule. Without one it is rule[N], N
	// counting from 0.
	Name string `toml:"name,omitempty"`
	// Label is a pattern for the label of the model that matched.
	Label Glob `toml:"label,omitempty"`
	// Behaviour are patterns for the class of the behaviour; slips-0.3.3 knows
	// none and fits no such rule.
	Behaviour Behaviours `toml:"behaviour,omitempty"`
	// Below and Above fit detections of the default scorer whose probability is
	// smaller, and those whose is as large or larger. One without a probability,
	// as slips-0.3.3 gives, fits no such rule.
	Below *float64 `toml:"below,omitempty"`
	Above *float64 `toml:"above,omitempty"`
	// Generic fits detections that no model of something known spoke for (true),
	// or only others (false): a name alone is no evidence.
	Generic  *bool    `toml:"generic,omitempty"`
	Protocol Protocol `toml:"protocol,omitempty"`
	// Ports are destination ports.
	Ports       Ports      `toml:"ports,omitempty"`
	Source      Prefixes   `toml:"source,omitempty"`
	Destination Prefixes   `toml:"destination,omitempty"`
	Direction   Directions `toml:"direction,omitempty"`
	// Feed is a pattern for the URL of the feed that the flow came from.
	Feed Glob `toml:"feed,omitempty"`
	// Hours and Days fit flows that began then, in Config.Timezone.
	Hours Hours `toml:"hours,omitempty"`
	Days  Days  `toml:"days,omitempty"`

	Action Action `toml:"action"`
	// Scope is how much a block covers, a tuple where it is empty, and Verdict
	// what becomes of the packets, as [enforce] says where it is empty.
	Scope   Scope   `toml:"scope,omitempty"`
	Verdict Verdict `toml:"verdict,omitempty"`
	// The rest stands in for the keys of Config with that name; nil leaves them
	// alone. Only a rule that blocks has scope, verdict, duration and longest.
	Duration *Duration `toml:"duration,omitempty"`
	Longest  *Duration `toml:"longest,omitempty"`
	Matches  *int      `toml:"matches,omitempty"`
	Windows  *int      `toml:"windows,omitempty"`
	Score    *float64  `toml:"score,omitempty"`
	Flows    *int      `toml:"flows,omitempty"`
	Grace    *Duration `toml:"grace,omitempty"`
}

// unsureBelow is the probability that a block needs. Of the harmless tuples of
// the development captures none reaches it, each capture scored without it.
const unsureBelow = 0.95

// genericMatches is how often a tuple must match where no model of something
// known speaks for it. It keeps away what matches for a moment only; most of the
// harmless tuples that match at all do so more often, and are kept away by
// unsureBelow.
const genericMatches = 10

// genericWindows is a week of windows of a minute: a beacon with a gap of 18 hours
// matches ten times in it.
const genericWindows = MaxWindows

// DefaultRules are the rules of a configuration that has none of its own:
// whoever blocks a resolver cuts a client off, so DNS is only told; so is what
// comes in from elsewhere, because who answers at home is not who called, and
// what is not nearly sure; and a behaviour that is not known needs more matches.
func DefaultRules() []Rule {
	matches, windows, below, generic := genericMatches, genericWindows, unsureBelow, true
	return []Rule{
		{Name: "dns-behaviours", Label: "*-DNS-*", Action: ActionAlert},
		{Name: "dns-ports", Ports: Ports{{53, 53}, {853, 853}}, Action: ActionAlert},
		{Name: "inbound", Direction: Directions{DirectionInbound}, Action: ActionAlert},
		{Name: "unsure", Below: &below, Action: ActionAlert},
		{Name: "generic", Generic: &generic, Action: ActionBlock, Matches: &matches, Windows: &windows},
	}
}

// maxRuleName keeps log lines and element comments short.
const maxRuleName = 64

// nameOf gives the name that decisions use for the rule at index i.
func nameOf(r Rule, i int) string {
	if r.Name == "" {
		return fmt.Sprintf("rule[%d]", i)
	}
	return r.Name
}

// validate gives the errors of one rule, each beginning with its key.
func (r Rule) validate() (all []error) {
	add := func(key string, err error) {
		if err != nil {
			all = append(all, fmt.Errorf("%s: %w", key, err))
		}
	}
	add("name", checkName(r.Name))
	add("label", r.Label.check())
	if r.Protocol != "" {
		canonical, err := parseProtocol(string(r.Protocol))
		if err == nil && canonical != r.Protocol {
			err = fmt.Errorf("%q is not allowed; use %q", r.Protocol, canonical)
		}
		add("protocol", err)
	}
	add("ports", r.Ports.check())
	if n, ok := r.Protocol.number(); r.Ports != nil && r.Protocol != "" && (!ok || !HasPorts(n)) {
		add("ports", fmt.Errorf("%s has no ports, so the rule would never fit; leave ports out, or use tcp, udp or sctp", r.Protocol))
	}
	add("behaviour", r.Behaviour.check())
	add("source", r.Source.check())
	add("destination", r.Destination.check())
	add("direction", r.Direction.check())
	add("feed", r.Feed.check())
	add("hours", r.Hours.check())
	add("days", r.Days.check())
	add("below", checkShare(r.Below))
	add("above", checkShare(r.Above))
	if r.Below != nil && r.Above != nil && *r.Above >= *r.Below {
		add("above", fmt.Errorf("%v with below = %v fits nothing; use a smaller one", *r.Above, *r.Below))
	}
	add("action", r.Action.check())
	add("scope", r.Scope.check())
	add("verdict", r.Verdict.check())
	add("duration", checkOptional(r.Duration, checkDuration))
	add("longest", checkOptional(r.Longest, checkDuration))
	for _, only := range []struct {
		key   string
		given bool
	}{{"scope", r.Scope != ""}, {"verdict", r.Verdict != ""}, {"duration", r.Duration != nil}, {"longest", r.Longest != nil}} {
		if only.given && r.Action.check() == nil && r.Action != ActionBlock {
			add(only.key, fmt.Errorf(`only a rule with action = "block" has one, this one says %q`, string(r.Action)))
		}
	}
	if r.Duration != nil && r.Longest != nil && *r.Longest < *r.Duration {
		add("longest", fmt.Errorf("%v is shorter than the duration of %v; use one that is not", *r.Longest, *r.Duration))
	}
	add("matches", checkOptional(r.Matches, func(n int) error { return checkRange(n, 1, MaxMatches) }))
	add("windows", checkOptional(r.Windows, func(n int) error { return checkRange(n, 1, MaxWindows) }))
	add("score", checkOptional(r.Score, checkScore))
	add("flows", checkOptional(r.Flows, func(n int) error { return checkRange(n, 0, MaxFlows) }))
	add("grace", checkOptional(r.Grace, checkPause))
	return all
}

func checkOptional[T any](v *T, check func(T) error) error {
	if v == nil {
		return nil
	}
	return check(*v)
}

func checkShare(p *float64) error {
	if p != nil && !(*p > 0 && *p <= 1) { // so that NaN is refused
		return fmt.Errorf("%v is not allowed; use more than 0, up to 1", *p)
	}
	return nil
}

func checkScore(p float64) error {
	if !(p >= 0 && p <= 1) {
		return fmt.Errorf("%v is not allowed; use a probability, 0 to 1", p)
	}
	return nil
}

func checkName(name string) error {
	switch {
	case name == RuleByHand:
		return fmt.Errorf("%q is what decisions say that a person made; use another name", name)
	case name == DefaultRule:
		return fmt.Errorf("%q is what decisions say where no rule fits; use another name", name)
	case len(name) > maxRuleName:
		return fmt.Errorf("%q is too long; use at most %d bytes", name, maxRuleName)
	case strings.HasPrefix(name, "rule["):
		return fmt.Errorf("%q looks like the name of a rule without one; use another name", name)
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }):
		return fmt.Errorf("%q has characters that cannot be printed; use letters, digits and dashes", name)
	}
	return nil
}

func (p Prefixes) check() error {
	for _, x := range p {
		if !x.IsValid() {
			return errors.New("an empty network; use " + prefixAllowed)
		}
	}
	return nil
}
