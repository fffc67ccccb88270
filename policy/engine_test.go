package policy

import (
	"encoding/json"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// times gives n matches, a second apart, the last one at testNow.
func times(n int) []argusfeed.Time {
	all := make([]argusfeed.Time, n)
	for i := range all {
		all[i] = testNow.Add(time.Duration(i-n+1) * time.Second)
	}
	return all
}

func TestDecide(t *testing.T) {
	const (
		beacon = "matches From-Botnet-TCP-HTTP-CC-1 with score 1.0253 (threshold 1.1) after 14 flows; "
		third  = "confirmed: 3 matches in the last 60 windows of 1m, since 2026-03-01T11:59:58Z; "
		normal = "no rule fits, the default is block"
	)
	twoDays, one, two := Duration(48*time.Hour), 1, 2
	rules := append([]Rule{
		{Name: "quiet", Label: "from-botnet-*-noise-?", Action: ActionIgnore},
		{Name: "quick", Destination: Prefixes{{netip.MustParsePrefix("198.51.100.0/24")}}, Action: ActionBlock,
			Duration: &twoDays, Matches: &one, Windows: &two},
	}, DefaultRules()...)
	type answer struct {
		Action    Action
		Cause     Cause
		Rule      string
		Duration  time.Duration
		Confirmed bool
		Reason    string
	}
	for _, tt := range []struct {
		name                  string
		src, dst, port, proto string
		edit                  func(*detection.Detection, *View)
		want                  answer
	}{
		{"blocked when confirmed", "10.0.0.5", "192.0.2.1", "443", "tcp", nil, answer{
			ActionBlock, CauseConfirmed, "default", time.Hour, true,
			beacon + third + normal + " for 1h"}},
		{"paused", "10.0.0.5", "192.0.2.1", "443", "tcp",
			func(_ *detection.Detection, v *View) { v.Paused = "blocking is paused" }, answer{
				ActionAlert, CausePaused, "default", 0, true,
				beacon + third + normal + ", but blocking is paused: alert instead"}},
		{"blocked over IPv6", "2001:db8:1::5", "2001:db8:2::1", "443", "udp", nil, answer{
			ActionBlock, CauseConfirmed, "default", time.Hour, true,
			beacon + third + normal + " for 1h"}},
		{"ICMP is blocked without a port", "10.0.0.5", "192.0.2.1", "0x0303", "icmp", nil, answer{
			ActionBlock, CauseConfirmed, "default", time.Hour, true,
			beacon + third + normal + " for 1h"}},
		{"an own connection out of the router", "203.0.113.7", "192.0.2.1", "443", "tcp", nil, answer{
			ActionBlock, CauseConfirmed, "default", time.Hour, true,
			beacon + third + normal + " for 1h"}},
		{"not confirmed", "10.0.0.5", "192.0.2.1", "443", "tcp",
			func(_ *detection.Detection, v *View) { v.Evidence.Times = times(2) }, answer{
				ActionAlert, CauseUnconfirmed, "default", 0, false,
				beacon + "not confirmed yet: match 2 of 3 in the last 60 windows of 1m, since 2026-03-01T11:59:59Z; " + normal + " once confirmed"}},
		{"old matches do not count", "10.0.0.5", "192.0.2.1", "443", "tcp",
			func(_ *detection.Detection, v *View) {
				v.Evidence.Times = []argusfeed.Time{testNow - hour, testNow - hour + 1, testNow}
			}, answer{
				ActionAlert, CauseUnconfirmed, "default", 0, false,
				beacon + "not confirmed yet: match 2 of 3 in the last 60 windows of 1m, since 2026-03-01T11:00:00Z; " + normal + " once confirmed"}},
		{"a rule of its own", "10.0.0.5", "198.51.100.9", "443", "tcp",
			func(d *detection.Detection, v *View) { v.Evidence.Times = times(1); d.Flows = 1 }, answer{
				ActionBlock, CauseConfirmed, "quick", 48 * time.Hour, true,
				strings.Replace(beacon, "14 flows", "1 flow", 1) + "confirmed: 1 match in the last 2 windows of 1m; rule quick says block for 2d"}},
		{"first rule wins, letter case is nothing", "10.0.0.5", "198.51.100.9", "53", "udp",
			func(d *detection.Detection, _ *View) { d.Label = "FROM-Botnet-UDP/DNS-Noise-7" }, answer{
				ActionIgnore, CauseRule, "quiet", 0, true,
				strings.Replace(beacon, "From-Botnet-TCP-HTTP-CC-1", "FROM-Botnet-UDP/DNS-Noise-7", 1) + third + "rule quiet says ignore"}},
		{"DNS behaviours are told", "10.0.0.5", "192.0.2.1", "9953", "udp",
			func(d *detection.Detection, _ *View) { d.Label = "From-Botnet-UDP-DNS-DGA-1" }, answer{
				ActionAlert, CauseRule, "dns-behaviours", 0, true,
				strings.Replace(beacon, "From-Botnet-TCP-HTTP-CC-1", "From-Botnet-UDP-DNS-DGA-1", 1) + third + "rule dns-behaviours says alert"}},
		{"DNS ports are told", "10.0.0.5", "192.0.2.1", "853", "tcp", nil, answer{
			ActionAlert, CauseRule, "dns-ports", 0, true, beacon + third + "rule dns-ports says alert"}},
		{"the gateway", "10.0.0.5", "203.0.113.1", "443", "tcp", nil, answer{
			ActionAlert, CauseProtected, "default", 0, true,
			beacon + third + normal + ", but destination 203.0.113.1 is the gateway of wan0 and a resolver (/etc/resolv.conf), which is never blocked: alert instead"}},
		{"an own address as the destination", "10.0.0.9", "10.0.0.1", "22", "tcp", nil, answer{
			ActionAlert, CauseProtected, "default", 0, true,
			beacon + third + normal + ", but destination 10.0.0.1 is an own address of lan0, which is never blocked: alert instead"}},
		{"an own address that is allowed too", "10.0.0.254", "192.0.2.1", "22", "tcp", nil, answer{
			ActionAlert, CauseProtected, "default", 0, true,
			beacon + third + normal + ", but source 10.0.0.254 is allowed in [protect]: the admins, which is never blocked: alert instead"}},
		{"IPv4 dressed as IPv6", "2001:db8::5", "::ffff:203.0.113.1", "443", "tcp", nil, answer{
			ActionAlert, CauseProtected, "default", 0, true,
			beacon + third + normal + ", but destination ::ffff:203.0.113.1 is the gateway of wan0 and a resolver (/etc/resolv.conf), which is never blocked: alert instead"}},
		{"multicast", "10.0.0.5", "239.1.2.3", "443", "udp", nil, answer{
			ActionAlert, CauseProtected, "default", 0, true,
			beacon + third + normal + ", but destination 239.1.2.3 is a multicast address, which is never blocked: alert instead"}},
		{"nobody knows what is protected", "10.0.0.5", "192.0.2.1", "443", "tcp",
			func(_ *detection.Detection, v *View) { v.Protected = nil }, answer{
				ActionAlert, CauseProtected, "default", 0, true,
				beacon + third + normal + ", but the protected addresses are not known yet: alert instead"}},
		{"ARP", "10.0.0.5", "192.0.2.1", "", "arp", nil, answer{
			ActionAlert, CauseUnblockable, "default", 0, true,
			beacon + third + normal + ", but the firewall knows no protocol arp: alert instead"}},
		{"no transport", "10.0.0.5", "192.0.2.1", "", "ip", nil, answer{
			ActionAlert, CauseUnblockable, "default", 0, true,
			beacon + third + normal + ", but the firewall knows no protocol ip: alert instead"}},
		{"to itself, dressed up", "::ffff:192.0.2.1", "192.0.2.1", "443", "tcp", nil, answer{
			ActionAlert, CauseUnblockable, "default", 0, true,
			beacon + third + normal + ", but the tuple mixes IPv4 and IPv6: alert instead"}},
		{"a name", "10.0.0.5", "evil.example\x1b[2J", "443", "tcp", nil, answer{
			ActionAlert, CauseUnblockable, "default", 0, true,
			beacon + third + normal + ", but the tuple has no two IP addresses: alert instead"}},
		{"a port name", "10.0.0.5", "192.0.2.1", "ht\x1btps", "tcp", nil, answer{
			ActionAlert, CauseUnblockable, "default", 0, true,
			beacon + third + normal + `, but port "ht\x1btps" is not a number (does ra run with -n?): alert instead`}},
		{"no port", "10.0.0.5", "192.0.2.1", "", "tcp", nil, answer{
			ActionAlert, CauseUnblockable, "default", 0, true,
			beacon + third + normal + ", but the tuple has no port, and without one the block would cut all of tcp: alert instead"}},
		{"port 0", "10.0.0.5", "192.0.2.1", "0", "udp", nil, answer{
			ActionAlert, CauseUnblockable, "default", 0, true,
			beacon + third + normal + ", but the tuple has no port, and without one the block would cut all of udp: alert instead"}},
		{"two IP versions", "10.0.0.5", "2001:db8::1", "443", "tcp", nil, answer{
			ActionAlert, CauseUnblockable, "default", 0, true,
			beacon + third + normal + ", but the tuple mixes IPv4 and IPv6: alert instead"}},
		{"to itself", "192.0.2.1", "192.0.2.1", "443", "tcp", nil, answer{
			ActionAlert, CauseUnblockable, "default", 0, true,
			beacon + third + normal + ", but source and destination are the same: alert instead"}},
		{"stored flows", "10.0.0.5", "192.0.2.1", "443", "tcp",
			func(_ *detection.Detection, v *View) { v.Now = v.Now.Add(2 * day) }, answer{
				ActionAlert, CauseStale, "default", 0, true,
				beacon + third + normal + ", but the flow is from 2026-03-01T12:00:00Z, more than 24h ago: stored flows block nobody today: alert instead"}},
		{"blocked already", "10.0.0.5", "192.0.2.1", "443", "tcp",
			func(_ *detection.Detection, v *View) {
				v.InForce = InForce{ID: "b", Until: v.Now.Add(30 * time.Minute)}
			}, answer{
				ActionAlert, CauseInForce, "default", 0, true,
				beacon + third + normal + ", but already blocked until 2026-03-01T12:30:10Z, renewed when less than 30m is left: alert instead"}},
		{"renewed", "10.0.0.5", "192.0.2.1", "443", "tcp",
			func(_ *detection.Detection, v *View) {
				v.InForce = InForce{ID: "b", Until: v.Now.Add(30*time.Minute - time.Second)}
				v.BlocksInForce = 1 << 30 // it takes no new place
			}, answer{
				ActionBlock, CauseRenewal, "default", time.Hour, true,
				beacon + third + normal + ": renewed for 1h"}},
		{"a block that ended", "10.0.0.5", "192.0.2.1", "443", "tcp",
			func(_ *detection.Detection, v *View) { v.InForce = InForce{ID: "b", Until: v.Now} }, answer{
				ActionBlock, CauseConfirmed, "default", time.Hour, true, beacon + third + normal + " for 1h"}},
		{"never cut short", "10.0.0.5", "192.0.2.1", "443", "tcp",
			func(_ *detection.Detection, v *View) { v.InForce = InForce{ID: "b", Until: v.Now.Add(11 * time.Hour)} }, answer{
				ActionAlert, CauseInForce, "default", 0, true,
				beacon + third + normal + ", but already blocked until 2026-03-01T23:00:10Z, renewed when less than 30m is left: alert instead"}},
		{"too many blocks", "10.0.0.5", "192.0.2.1", "443", "tcp",
			func(_ *detection.Detection, v *View) { v.BlocksInForce = 10_000 }, answer{
				ActionAlert, CauseMaxBlocks, "default", 0, true,
				beacon + third + normal + ", but 10000 blocks are in force and at most 10000 may be (max_blocks): alert instead"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := hourly()
			cfg.Rules = rules
			e, err := New(cfg, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			d := testDetection(tt.src, tt.dst, tt.port, tt.proto)
			v := View{Now: testNow.Add(10 * time.Second), ID: "id", Evidence: Evidence{Times: times(3)}, Protected: testProtected(), BlocksInForce: 7_999}
			if tt.edit != nil {
				tt.edit(&d, &v)
			}
			dec := e.Decide(d, v)
			got := answer{dec.Action, dec.Cause, dec.Rule, dec.Duration, dec.Confirmed, dec.Reason}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Fatal(diff)
			}
			if dec.ID != "id" || dec.Time != v.Now || dec.Tuple != d.Tuple || dec.Label != d.Label || dec.Flows != d.Flows {
				t.Errorf("lost what it was told: %+v", dec)
			}
			b, ok := dec.Block()
			if ok != (dec.Action == ActionBlock) {
				t.Errorf("%s asks for a block: %v", dec.Action, ok)
			}
			if ok && b != (Block{ID: "id", Tuple: d.Tuple, Scope: ScopeTuple, Duration: tt.want.Duration, Label: d.Label}) {
				t.Errorf("block %+v", b)
			}
			if dec.Renewal != (dec.Cause == CauseRenewal) {
				t.Errorf("renewal %v, cause %s", dec.Renewal, dec.Cause)
			}
		})
	}
}

// A report that keeps quiet about repeats still tells everything new.
func TestRepeat(t *testing.T) {
	e, err := New(hourly(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	tracker := e.NewTracker()
	protected := testProtected()
	d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
	var force InForce
	var got []string
	next := func(gap time.Duration) {
		d.Time = d.Time.Add(gap)
		dec := e.Decide(d, View{Now: d.Time, ID: "id", Evidence: tracker.Observe(d), Protected: protected, InForce: force})
		tracker.Decided(dec)
		if b, ok := dec.Block(); ok {
			force = InForce{ID: dec.ID, Until: dec.Time.Add(b.Duration)}
		}
		told := string(dec.Cause)
		if dec.Repeat {
			told += " again"
		}
		got = append(got, told)
	}
	for range 5 {
		next(time.Second)
	}
	next(31 * time.Minute) // renewed: only now the two before count
	next(time.Second)
	d.Label = "From-Botnet-UDP-DNS-X-1" // another behaviour, another rule
	next(time.Second)
	next(time.Second)
	d.Label = "From-Botnet-TCP-HTTP-CC-1"
	next(61 * time.Minute) // evidence and block ran out
	next(time.Second)
	next(time.Second)
	force = InForce{}
	protected = NewProtected(Entry{netip.MustParsePrefix("192.0.2.0/24"), KindAllow, "allowed in [protect]"})
	next(time.Second)
	next(time.Second)
	want := []string{
		"unconfirmed", "unconfirmed again", "confirmed", "in-force again", "in-force again",
		"renewal", "in-force again",
		"rule", "rule again",
		"unconfirmed", "unconfirmed again", "confirmed",
		"protected", "protected again",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	// What was told long ago is told again.
	d.Tuple.Port = argusfeed.PortNumber(53)
	got = nil
	for _, gap := range []time.Duration{0, time.Minute, genericWindows * time.Minute, time.Minute} {
		next(gap)
	}
	if diff := cmp.Diff([]string{"rule", "rule again", "rule", "rule again"}, got); diff != "" {
		t.Error(diff)
	}
	d.Tuple.Port = argusfeed.PortNumber(443)

	// After a restart the block is in force and nothing has been told yet.
	fresh := e.NewTracker()
	force = InForce{ID: "b", Until: d.Time.Add(time.Hour)}
	protected = testProtected()
	for i, wantRepeat := range []bool{false, true, false, true} {
		dec := e.Decide(d, View{Now: d.Time, ID: "id", Evidence: fresh.Observe(d), Protected: protected, InForce: force})
		fresh.Decided(dec)
		if dec.Repeat != wantRepeat {
			t.Errorf("match %d after a restart: repeat %v (%s)", i, dec.Repeat, dec.Cause)
		}
	}
}

func TestDecisionJSON(t *testing.T) {
	e, err := New(hourly(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
	d.Threshold = math.Inf(1)
	dec := e.Decide(d, View{Now: testNow, ID: "id", Evidence: Evidence{Times: times(3)}, Protected: testProtected()})
	block, _ := dec.Block()
	for _, tt := range []struct {
		value any
		want  string
	}{
		{dec, `{"id":"id","time":"2026-03-01T12:00:00.000000Z","tuple":"10.0.0.5-192.0.2.1-443-tcp",` +
			`"action":"block","scope":"tuple","seconds":3600,"rule":"default","cause":"confirmed",` +
			`"reason":"matches From-Botnet-TCP-HTTP-CC-1 with score 1.0253 (threshold +Inf) after 14 flows; confirmed: 3 matches in the last 60 windows of 1m, since 2026-03-01T11:59:58Z; no rule fits, the default is block for 1h",` +
			`"label":"From-Botnet-TCP-HTTP-CC-1","score":1.0253001,"threshold":null,"flows":14,"matches":3,` +
			`"since":"2026-03-01T11:59:58.000000Z","direction":"outbound","confirmed":true,"renewal":false,"repeat":false}`},
		{block, `{"id":"id","tuple":"10.0.0.5-192.0.2.1-443-tcp","scope":"tuple","seconds":3600,"label":"From-Botnet-TCP-HTTP-CC-1"}`},
	} {
		got, err := json.Marshal(tt.value)
		if err != nil || string(got) != tt.want {
			t.Errorf("got  %s (%v)\nwant %s", got, err, tt.want)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	e, err := New(hourly(), time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	d := testDetection("10.0.0.5", "192.0.2.1", "443", "tcp")
	v := View{Now: testNow, ID: "id", Protected: testProtected()}
	for _, bench := range []struct {
		name string
		n    int
		want Cause
	}{{"unconfirmed", 1, CauseUnconfirmed}, {"block", 3, CauseConfirmed}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			v.Evidence = Evidence{Times: times(bench.n)}
			for b.Loop() {
				if dec := e.Decide(d, v); dec.Cause != bench.want {
					b.Fatal(dec.Cause)
				}
			}
		})
	}
}

// hourly is the shipped policy with an hour for matches.
func hourly() Config {
	c := DefaultConfig()
	c.Windows = 60
	return c
}
