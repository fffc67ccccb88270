package policy

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

func TestDirections(t *testing.T) {
	shipped := newEngine(t, nil)
	office := newEngine(t, func(c *Config) {
		c.Home = Networks{{Prefix: Prefix{netip.MustParsePrefix("198.51.100.0/24")}}}
	})
	home := NewHome(netip.MustParsePrefix("2001:db8:1::/64"), netip.MustParsePrefix("192.0.2.128/25"))
	for _, c := range []struct {
		src, dst     string
		want, office Direction
	}{
		{"10.0.0.5", "192.0.2.1", DirectionOutbound, DirectionExternal},
		{"192.0.2.1", "10.0.0.5", DirectionInbound, DirectionExternal},
		{"10.0.0.5", "192.168.9.9", DirectionInternal, DirectionExternal},
		{"10.0.0.1", "192.0.2.1", DirectionRouter, DirectionRouter},      // an own address
		{"203.0.113.7", "10.0.0.5", DirectionRouter, DirectionRouter},    // that of the WAN side
		{"192.0.2.1", "203.0.113.7", DirectionInbound, DirectionInbound}, // to it
		{"192.0.2.1", "8.8.8.8", DirectionExternal, DirectionExternal},
		{"192.0.2.129", "8.8.8.8", DirectionOutbound, DirectionExternal}, // an own network
		{"2001:db8:1::5", "2001:db8:2::1", DirectionOutbound, DirectionExternal},
		{"::ffff:10.0.0.5", "::ffff:192.0.2.1", DirectionOutbound, DirectionExternal},
		{"198.51.100.7", "10.0.0.5", DirectionInbound, DirectionOutbound},
		{"02:00:00:00:01:04", "10.0.0.5", "", ""},
	} {
		tuple := testTuple(c.src, c.dst, "443", "tcp")
		v := View{Protected: testProtected(), Home: home}
		if got := shipped.direction(tuple, v); got != c.want {
			t.Errorf("%s to %s: %q, want %q", c.src, c.dst, got, c.want)
		}
		if got := office.direction(tuple, v); got != c.office {
			t.Errorf("%s to %s with a home of its own: %q, want %q", c.src, c.dst, got, c.office)
		}
	}
	if got := shipped.direction(testTuple("10.0.0.1", "192.0.2.1", "1", "tcp"), View{}); got != DirectionOutbound {
		t.Errorf("with nothing known: %q", got)
	}
}

// Which rule decides: one condition at a time.
func TestConditions(t *testing.T) {
	above, yes := 0.9, true
	monday := testNow // 2026/03/01 is a Sunday
	monday = monday.Add(day)
	for _, c := range []struct {
		name string
		rule Rule
		fits func(*detection.Detection, *View)
		not  func(*detection.Detection, *View)
	}{
		{"above", Rule{Above: &above}, func(d *detection.Detection, _ *View) { d.Scorer, d.Score = "behaviour", 0.9 },
			func(d *detection.Detection, _ *View) { d.Scorer, d.Score = "behaviour", 0.89 }},
		{"above, without a probability", Rule{Above: &above}, func(d *detection.Detection, _ *View) { d.Scorer, d.Score = "behaviour", 1 },
			func(d *detection.Detection, _ *View) { d.Score = 1 }},
		{"generic", Rule{Generic: &yes}, func(d *detection.Detection, _ *View) { d.Generic = true }, func(*detection.Detection, *View) {}},
		{"behaviour", Rule{Behaviour: Behaviours{"attempt", "Beacon-*"}}, func(d *detection.Detection, _ *View) { d.Behaviour = "beacon-slow" },
			func(d *detection.Detection, _ *View) { d.Behaviour = "session" }},
		{"behaviour of slips-0.3.3", Rule{Behaviour: Behaviours{"*"}}, func(d *detection.Detection, _ *View) { d.Behaviour = "spam" },
			func(*detection.Detection, *View) {}},
		{"direction", Rule{Direction: Directions{DirectionOutbound, DirectionRouter}}, func(*detection.Detection, *View) {},
			func(d *detection.Detection, _ *View) { d.Tuple.Src, d.Tuple.Dst = d.Tuple.Dst, d.Tuple.Src }},
		{"feed", Rule{Feed: "argus://*.lan:561"}, func(_ *detection.Detection, v *View) { v.Feed = "argus://Probe.lan:561" },
			func(_ *detection.Detection, v *View) { v.Feed = "spawn:eth0" }},
		{"no feed", Rule{Feed: "spawn:*"}, func(_ *detection.Detection, v *View) { v.Feed = "spawn:" }, func(*detection.Detection, *View) {}},
		{"days", Rule{Days: Days{Day(time.Monday)}}, func(d *detection.Detection, _ *View) { d.Time = monday }, func(*detection.Detection, *View) {}},
		{"hours", Rule{Hours: Hours{{8 * 60, 12*60 + 1}}}, func(*detection.Detection, *View) {},
			func(d *detection.Detection, _ *View) { d.Time = d.Time.Add(time.Minute) }},
	} {
		c.rule.Name, c.rule.Action = "it", ActionIgnore
		e := newEngine(t, func(cfg *Config) { cfg.Rules = []Rule{c.rule} })
		decide := func(edit func(*detection.Detection, *View)) string {
			d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
			v := View{Now: testNow, ID: "id", Protected: testProtected()}
			edit(&d, &v)
			return e.Decide(d, v).Rule
		}
		if got := decide(c.fits); got != "it" {
			t.Errorf("%s: does not fit", c.name)
		}
		if got := decide(c.not); got != DefaultRule {
			t.Errorf("%s: fits what it must not", c.name)
		}
	}
}

func TestScheduleOverMidnight(t *testing.T) {
	nights := Hours{{22 * 60, 6 * 60}}
	weekend := Days{Day(time.Friday), Day(time.Saturday)}
	at := func(s string) time.Time {
		v, err := time.Parse("Mon 2006-01-02 15:04", s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for s, want := range map[string]bool{
		"Fri 2026-03-06 21:59": false, "Fri 2026-03-06 22:00": true, "Sat 2026-03-07 05:59": true, "Sat 2026-03-07 06:00": false,
		"Sun 2026-03-08 05:59": true, "Sun 2026-03-08 22:30": false, "Fri 2026-03-06 03:00": false, "Mon 2026-03-02 03:00": false,
	} {
		if got := fitsSchedule(nights, weekend, at(s)); got != want {
			t.Errorf("%s: %v, want %v", s, got, want)
		}
	}
	// In the admin's time zone: 12:00 in UTC is 13:00 in winter and 14:00 in summer.
	e := newEngine(t, func(c *Config) {
		c.Timezone = "Europe/Berlin"
		c.Rules = []Rule{{Name: "one", Action: ActionIgnore, Hours: Hours{{13 * 60, 14 * 60}}}}
	})
	for at, want := range map[argusfeed.Time]string{testNow: "one", testNow.Add(150 * day): DefaultRule} {
		d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
		d.Time = at
		if got := e.Decide(d, View{Now: at, ID: "id", Protected: testProtected()}).Rule; got != want {
			t.Errorf("%v: %s, want %s", at, got, want)
		}
	}
}

// What a block needs besides matches.
func TestConfirmation(t *testing.T) {
	e := newEngine(t, func(c *Config) {
		c.Rules, c.Score, c.Flows, c.Grace = nil, 0.9, 20, Duration(10*time.Minute)
	})
	for _, c := range []struct {
		name  string
		edit  func(*detection.Detection, *View)
		cause Cause
		words string
	}{
		{"all there", func(*detection.Detection, *View) {}, CauseConfirmed, "; confirmed: 3 matches"},
		{"too improbable", func(d *detection.Detection, _ *View) { d.Score = 0.89 }, CauseUnconfirmed,
			"; not confirmed yet: 3 matches in the last 1440 windows of 1m, since 2026-03-01T11:59:58Z, but a probability of 0.9 is asked for (score); no rule fits, the default is block once confirmed"},
		{"without a probability", func(d *detection.Detection, _ *View) { d.Scorer = "slips-0.3.3" }, CauseUnconfirmed,
			", but slips-0.3.3 gives no probability, and 0.9 is asked for (score);"},
		{"few flows", func(d *detection.Detection, _ *View) { d.Flows = 19 }, CauseUnconfirmed, ", but 20 flows are asked for (flows);"},
		{"a normal model", func(d *detection.Detection, _ *View) { d.Normal = "From-Normal-TCP-HTTP-Updates-1" }, CauseUnconfirmed,
			", but the normal model From-Normal-TCP-HTTP-Updates-1 fits it as well;"},
		{"few matches before anything else", func(d *detection.Detection, v *View) { d.Flows, v.Evidence.Times = 1, times(1) }, CauseUnconfirmed,
			"; not confirmed yet: match 1 of 3 in the last 1440 windows of 1m; no rule fits"},
		{"just started", func(_ *detection.Detection, v *View) { v.Started = v.Now.Add(-9*time.Minute - time.Second/2) }, CauseGrace,
			"the default is block, but the agent has run for 9m and blocks nothing in the first 10m (grace): alert instead"},
		{"the clock was set back", func(_ *detection.Detection, v *View) { v.Started = v.Now.Add(time.Hour) }, CauseGrace, "has run for 0s"},
		{"the grace is over", func(_ *detection.Detection, v *View) { v.Started = v.Now.Add(-10 * time.Minute) }, CauseConfirmed, ""},
	} {
		d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
		d.Scorer, d.Score, d.Flows = "behaviour", 0.95, 20
		v := View{Now: testNow, ID: "id", Evidence: Evidence{Times: times(3)}, Protected: testProtected()}
		c.edit(&d, &v)
		dec := e.Decide(d, v)
		if dec.Cause != c.cause || !strings.Contains(dec.Reason, c.words) || dec.Confirmed != (c.cause != CauseUnconfirmed) {
			t.Errorf("%s: %s, confirmed %v: %s", c.name, dec.Cause, dec.Confirmed, dec.Reason)
		}
	}
}

// A match that a normal model fits takes the one before away.
func TestContestedMatchesCountAgainst(t *testing.T) {
	tr := newTracker(t, 3, 60, 10)
	d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
	var got []int
	for i, normal := range []string{"", "", "N", "", "N", "N", "N", "", "", "", ""} {
		d.Time, d.Normal = testNow.Add(time.Duration(i)*time.Second), normal
		n, _ := count(tr.Observe(d).Times, d.Time, time.Hour)
		got = append(got, n)
	}
	if want := []int{1, 2, 1, 2, 1, 0, 0, 1, 2, 3, 3}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What is in force in another scope.
func TestScopesInForce(t *testing.T) {
	for _, c := range []struct {
		force, rule Scope
		left        time.Duration
		want        Cause
	}{
		{"", ScopeTuple, 50 * time.Minute, CauseInForce},
		{"", ScopeTuple, 10 * time.Minute, CauseRenewal},
		{ScopePair, ScopePair, 10 * time.Minute, CauseRenewal},
		{ScopeTuple, ScopePair, 50 * time.Minute, CauseConfirmed},
		{ScopePair, ScopeTuple, 50 * time.Minute, CauseInForce},
		{ScopePair, ScopeTuple, 10 * time.Minute, CauseConfirmed}, // a block of its own, no renewal
		{ScopeDestination, ScopePair, 50 * time.Minute, CauseInForce},
		{ScopeDestination, ScopeSource, 50 * time.Minute, CauseConfirmed},
		{ScopeSource, ScopeTuple, 50 * time.Minute, CauseInForce},
	} {
		e := newEngine(t, func(cfg *Config) {
			cfg.Rules = []Rule{{Name: "it", Action: ActionBlock, Scope: c.rule, Verdict: VerdictReject}}
		})
		d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
		dec := e.Decide(d, View{Now: testNow, ID: "id", Evidence: Evidence{Times: times(3)}, Protected: testProtected(),
			InForce: InForce{ID: "b", Until: testNow.Add(c.left), Scope: c.force}})
		if dec.Cause != c.want {
			t.Errorf("%q in force, the rule blocks %s: %s, want %s", c.force, c.rule, dec.Cause, c.want)
		}
		if b, ok := dec.Block(); ok && (b.Scope != c.rule || b.Verdict != VerdictReject) {
			t.Errorf("%+v", b)
		}
	}
}

// A wider block needs no port, and its reason says how wide it is.
func TestWiderScopes(t *testing.T) {
	e := newEngine(t, func(c *Config) { c.Rules = []Rule{{Name: "it", Action: ActionBlock, Scope: ScopeSource}} })
	d := testDetection("10.0.0.5", "192.0.2.1", "", "tcp")
	dec := e.Decide(d, View{Now: testNow, ID: "id", Evidence: Evidence{Times: times(3)}, Protected: testProtected()})
	if dec.Action != ActionBlock || !strings.HasSuffix(dec.Reason, "rule it says block the source for 1h") {
		t.Errorf("%s: %s", dec.Action, dec.Reason)
	}
	// NAT seen from outside: the router's own address as the source.
	for scope, want := range map[Scope]bool{ScopeTuple: true, ScopePair: true, ScopeSource: true, ScopeDestination: false} {
		own := Entry{netip.MustParsePrefix("203.0.113.7/32"), KindRouter, "an own address"}
		masqueraded := testTuple("203.0.113.7", "192.0.2.1", "443", "tcp")
		if _, refused := NewProtected(own).Refuses(masqueraded, scope); refused != want {
			t.Errorf("masqueraded, scope %s: refused %v", scope, refused)
		}
		// What is protected for another reason too keeps that protection, however
		// wide the network.
		for _, kind := range []Kind{KindAllow, KindSSH, KindGateway} {
			wide := Entry{netip.MustParsePrefix("203.0.0.0/8"), kind, "of a test"}
			if _, refused := NewProtected(own, wide).Refuses(masqueraded, scope); !refused {
				t.Errorf("masqueraded and %s, scope %s: not refused", kind, scope)
			}
		}
	}
}
