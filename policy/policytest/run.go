package policytest

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// Result is what came of a case. It serialises to JSON.
type Result struct {
	Name string `json:"name"`
	Line int    `json:"line"`
	OK   bool   `json:"ok"`
	// Differences are what is not as expected.
	Differences []Difference    `json:"differences"`
	Decision    policy.Decision `json:"decision"`
}

// Difference is one thing that is not as expected.
type Difference struct {
	Key  string `json:"key"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// Run asks a policy all cases. The width is that of the detection's time
// windows; the error is that of the configuration.
func Run(cfg policy.Config, protect policy.ProtectConfig, width time.Duration, f File) ([]Result, error) {
	engine, err := policy.New(cfg, width)
	if err != nil {
		return nil, err
	}
	zone, err := cfg.Timezone.Location()
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(f.Cases))
	for i, c := range f.Cases {
		dec, err := c.ask(engine, cfg, protect, zone)
		if err != nil {
			return nil, fmt.Errorf("line %d: %s: %w", c.Line, c.Name, err)
		}
		r := Result{Name: cmp.Or(c.Name, fmt.Sprintf("case %d", i+1)), Line: c.Line, Decision: dec, Differences: c.Expect.differences(dec, cfg.Jitter)}
		r.OK = len(r.Differences) == 0
		results[i] = r
	}
	return results, nil
}

// ask decides on the last of the case's matches.
func (c Case) ask(e *policy.Engine, cfg policy.Config, protect policy.ProtectConfig, zone *time.Location) (policy.Decision, error) {
	tuple, err := tupleOf(c.Detection.Tuple)
	if err != nil {
		return policy.Decision{}, err
	}
	at, err := c.time(zone)
	if err != nil {
		return policy.Decision{}, err
	}
	matches := max(1, c.Matches)
	every := time.Duration(cmp.Or(c.Every, c.Detection.Gap, policy.Duration(time.Minute)))
	d := detection.Detection{
		Tuple: tuple, Label: cmp.Or(c.Detection.Label, defaultLabel(c.Detection)), Scorer: string(detection.ScoringBehaviour), Score: 0.99, Threshold: 0.4,
		Behaviour: c.Detection.Behaviour, Generic: c.Detection.Generic, Normal: c.Detection.Normal, Gap: time.Duration(c.Detection.Gap),
	}
	if p := c.Detection.Probability; p != nil {
		d.Score = *p
	}
	if distance := c.Detection.Distance; distance != nil {
		d.Scorer, d.Score, d.Threshold = string(detection.ScoringReference), *distance, max(1.1, *distance)
	}
	tracker := e.NewTracker()
	var evidence policy.Evidence
	for n := range matches {
		d.Time = at.Add(-time.Duration(matches-1-n) * every)
		d.Flows = uint64(cmp.Or(c.Detection.Flows, n+1))
		evidence = tracker.Observe(d)
	}
	return e.Decide(d, c.view(d, evidence, cfg, protect)), nil
}

func defaultLabel(d Detection) string {
	if d.Generic {
		return "From-Generic-TCP-Unknown-" + cmp.Or(d.Behaviour, detection.BeaconRegular)
	}
	return "From-Botnet-TCP-CC-1"
}

// view is how things are when the case asks.
func (c Case) view(d detection.Detection, evidence policy.Evidence, cfg policy.Config, protect policy.ProtectConfig) policy.View {
	g := c.Given
	entries := protect.Entries()
	own := policy.KindOwn
	if g.Router {
		own = policy.KindRouter
	}
	for _, p := range g.Own {
		entries = append(entries, policy.Entry{Prefix: p.Prefix, Kind: own, Why: "an own address"})
	}
	for kind, list := range g.Protected {
		for _, p := range list {
			entries = append(entries, policy.Entry{Prefix: p.Prefix, Kind: policy.Kind(kind), Why: "protected as " + kind})
		}
	}
	var networks []netip.Prefix
	for _, p := range g.Networks {
		networks = append(networks, p.Prefix)
	}
	v := policy.View{
		Now: d.Time, ID: c.Name, Evidence: evidence, Protected: policy.NewProtected(entries...), Home: policy.NewHome(networks...),
		Feed: g.Feed, BlocksInForce: g.Blocks,
		Spent: policy.Spent{Minute: g.BlocksMinute, Source: g.BlocksSource, Destination: g.BlocksDestination},
	}
	if g.Up > 0 {
		v.Started = d.Time.Add(-time.Duration(g.Up))
	}
	if g.InForce > 0 {
		v.InForce = policy.InForce{ID: "a block", Until: d.Time.Add(time.Duration(g.InForce)), Scope: g.InForceScope}
	}
	if g.Blocked > 0 {
		o := policy.Offence{Count: g.Blocked, Until: d.Time.Add(-24 * time.Hour)}
		if g.InForce > 0 { // the block in force is the last of them
			o.Until = v.InForce.Until
		}
		v.Offended = policy.Offended{Tuple: o, Pair: o, Destination: o, Source: o}
	}
	return v
}

// differences compares with the answer.
func (e Expect) differences(d policy.Decision, jitter float64) []Difference {
	all := []Difference{}
	differ := func(key, want, got string) {
		if want != "" && want != got {
			all = append(all, Difference{key, want, cmp.Or(got, "none")})
		}
	}
	differ("action", string(e.Action), string(d.Action))
	differ("rule", e.Rule, d.Rule)
	differ("cause", string(e.Cause), string(d.Cause))
	differ("scope", string(e.Scope), string(d.Scope))
	differ("verdict", string(e.Verdict), string(d.Verdict))
	differ("direction", string(e.Direction), string(d.Direction))
	if want := time.Duration(e.Duration); want > 0 {
		longest := want
		if d.Offence > 0 {
			longest += time.Duration(jitter * float64(want))
		}
		if d.Duration < want || d.Duration > longest {
			got := ""
			if d.Duration > 0 {
				got = policy.Duration(d.Duration).String()
			}
			differ("duration", e.Duration.String(), got)
		}
	}
	for _, text := range e.Reason {
		if !strings.Contains(d.Reason, text) {
			all = append(all, Difference{"reason", "... " + text + " ...", d.Reason})
		}
	}
	return all
}

// Failed counts the cases that are not as expected.
func Failed(results []Result) int {
	n := 0
	for _, r := range results {
		if !r.OK {
			n++
		}
	}
	return n
}

// tupleOf reads source-destination-port-protocol, each end an IP address.
func tupleOf(s string) (argusfeed.Tuple, error) {
	const form = "use source-destination-port-protocol, as in 192.168.1.20-203.0.113.9-443-tcp"
	parts := strings.SplitN(s, "-", 4)
	if len(parts) != 4 || slices.Contains(parts[:2], "") || parts[3] == "" {
		return argusfeed.Tuple{}, fmt.Errorf("detection.tuple: %q is no tuple; %s", s, form)
	}
	var t argusfeed.Tuple
	for i, end := range []*argusfeed.Addr{&t.Src, &t.Dst} {
		if _, err := netip.ParseAddr(parts[i]); err != nil {
			return argusfeed.Tuple{}, fmt.Errorf("detection.tuple: %q is no IP address; %s", parts[i], form)
		}
		a, err := argusfeed.ParseAddr([]byte(parts[i]))
		if err != nil {
			return argusfeed.Tuple{}, fmt.Errorf("detection.tuple: %w; %s", err, form)
		}
		*end = a
	}
	var err error
	if t.Port, err = argusfeed.ParsePort([]byte(parts[2])); err != nil {
		return argusfeed.Tuple{}, fmt.Errorf("detection.tuple: %w; %s", err, form)
	}
	if t.Proto, err = argusfeed.ParseProto([]byte(parts[3])); err != nil {
		return argusfeed.Tuple{}, fmt.Errorf("detection.tuple: %w; %s", err, form)
	}
	return t, nil
}

// time gives the moment of the last match; a nil zone is UTC.
func (c Case) time(zone *time.Location) (argusfeed.Time, error) {
	if zone == nil {
		zone = time.UTC
	}
	for _, layout := range []string{"2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, cmp.Or(c.At, "2026-03-02 12:00"), zone); err == nil {
			return argusfeed.TimeOf(t), nil
		}
	}
	return 0, fmt.Errorf(`at: %q is no time; use "2026-03-02 14:30"`, c.At)
}
