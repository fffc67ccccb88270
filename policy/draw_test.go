package policy

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"pgregory.net/rapid"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// Few addresses, ports and labels, so that rules, protection and detections
// meet often.
var (
	someAddrs = []string{
		"10.0.0.1", "10.0.0.2", "10.0.0.5", "10.0.1.7", "192.0.2.1", "203.0.113.7", "198.51.100.20",
		"0.0.0.0", "127.0.0.1", "169.254.0.9", "224.0.0.251", "239.255.255.250", "255.255.255.255", "240.0.0.1",
		"::", "::1", "fe80::5", "ff02::1", "2001:db8::1", "2001:db8::2", "2001:db8:1::1",
		"::ffff:10.0.0.1", "::ffff:192.0.2.1", "::ffff:127.0.0.1", "::ffff:224.0.0.1", "::10.0.0.1",
	}
	plainAddrs = []string{"10.0.0.2", "10.0.0.5", "10.0.1.7", "192.0.2.1", "198.51.100.20", "203.0.113.7"}
	noAddrs    = []string{"", "02:00:00:00:01:04", "router.example"}
	somePorts  = []string{"", "0", "1", "53", "80", "443", "853", "8050", "65535", "0x0303", "https", "65536"}
	someProtos = []string{"tcp", "tcp", "tcp", "tcp", "udp", "udp", "icmp", "ipv6-icmp", "sctp", "igmp", "gre", "ip", "unas", "rtp", "arp", "rarp", "llc", "TCP", ""}
	someLabels = []string{
		"From-Botnet-TCP-HTTP-CC-1", "From-Botnet-UDP-DNS-DGA-17", "from-botnet-tcp-dns-x", "Beacon", "", "a/b", "\x1b[2J\n",
	}
	someGlobs = []string{"", "*", "*-DNS-*", "from-*", "?eacon", "a/*", "*[0-9]", `\*`, "From-Botnet-TCP-HTTP-CC-1"}
)

func drawPrefix(t *rapid.T) netip.Prefix {
	ip := netip.MustParseAddr(rapid.SampledFrom(someAddrs).Draw(t, "address"))
	bits := ip.BitLen()
	switch rapid.IntRange(0, 9).Draw(t, "width") {
	case 0:
		bits = rapid.IntRange(0, bits).Draw(t, "bits") // often nearly everything
	case 1, 2, 3:
		bits -= rapid.IntRange(1, 8).Draw(t, "bits")
	}
	return netip.PrefixFrom(ip, bits)
}

func drawPrefixes(t *rapid.T) Prefixes {
	var list Prefixes
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "networks") {
		list = append(list, Prefix{drawPrefix(t)})
	}
	return list
}

func drawRule(t *rapid.T) Rule {
	r := Rule{
		Label:       Glob(rapid.SampledFrom(someGlobs).Draw(t, "glob")),
		Source:      drawPrefixes(t),
		Destination: drawPrefixes(t),
		Action:      rapid.SampledFrom([]Action{ActionAlert, ActionBlock, ActionBlock, ActionIgnore}).Draw(t, "action"),
	}
	r.Protocol = rapid.SampledFrom([]Protocol{"", "", "tcp", "udp", "icmp", "arp", "132"}).Draw(t, "protocol")
	if p, err := parseProtocol(string(r.Protocol)); err == nil {
		r.Protocol = p
	}
	if r.Protocol != "icmp" && r.Protocol != "arp" {
		for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "ranges") {
			first := rapid.SampledFrom([]uint16{0, 53, 80, 443, 8000}).Draw(t, "first")
			r.Ports = append(r.Ports, PortRange{first, first + rapid.SampledFrom([]uint16{0, 100}).Draw(t, "more")})
		}
	}
	if r.Action == ActionBlock && rapid.Bool().Draw(t, "own duration") {
		d := drawDuration(t)
		r.Duration = &d
	}
	if r.Action == ActionBlock {
		r.Scope = drawScope(t)
		r.Verdict = rapid.SampledFrom([]Verdict{"", VerdictDrop, VerdictReject}).Draw(t, "verdict")
	}
	drawMore(t, &r)
	if rapid.Bool().Draw(t, "own confirmation") {
		m, w := rapid.IntRange(1, 6).Draw(t, "matches"), rapid.IntRange(1, 100).Draw(t, "windows")
		r.Matches, r.Windows = &m, &w
	}
	return r
}

var allScopes = []Scope{"", ScopeTuple, ScopePair, ScopeDestination, ScopeSource}

func drawScope(t *rapid.T) Scope { return rapid.SampledFrom(allScopes).Draw(t, "scope") }

// drawMore adds what most rules leave out.
func drawMore(t *rapid.T, r *Rule) {
	seldom := func(what string) bool { return rapid.IntRange(0, 5).Draw(t, what) == 0 }
	if seldom("with a direction") {
		r.Direction = Directions{rapid.SampledFrom([]Direction{DirectionOutbound, DirectionInbound, DirectionInternal, DirectionRouter, DirectionExternal}).Draw(t, "direction")}
	}
	if seldom("with a feed") {
		r.Feed = rapid.SampledFrom([]Glob{"spawn:*", "argus://*"}).Draw(t, "feed")
	}
	if seldom("with hours") {
		from := rapid.IntRange(0, minutesOfDay-1).Draw(t, "from")
		r.Hours = Hours{{from, (from + rapid.IntRange(1, minutesOfDay-1).Draw(t, "length")) % minutesOfDay}}
	}
	if seldom("with days") {
		r.Days = Days{Day(rapid.IntRange(0, 6).Draw(t, "day"))}
	}
	if seldom("with a behaviour") {
		r.Behaviour = Behaviours{rapid.SampledFrom([]Glob{"beacon-*", "attempt"}).Draw(t, "behaviour")}
	}
	if seldom("with a flow count") {
		n := rapid.IntRange(0, 100).Draw(t, "flows")
		r.Flows = &n
	}
	if seldom("with a grace") {
		g := Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "grace"))
		r.Grace = &g
	}
}

func drawDuration(t *rapid.T) Duration {
	longest := rapid.SampledFrom([]time.Duration{time.Minute, 8 * time.Hour, MaxDuration}).Draw(t, "longest")
	return Duration(rapid.Int64Range(int64(MinDuration), int64(longest)).Draw(t, "duration"))
}

func drawConfig(t *rapid.T) Config {
	c := Config{
		Matches:   rapid.IntRange(1, 5).Draw(t, "matches"),
		Windows:   rapid.IntRange(1, 100).Draw(t, "windows"),
		Action:    rapid.SampledFrom([]Action{ActionBlock, ActionBlock, ActionAlert, ActionIgnore}).Draw(t, "default"),
		Duration:  drawDuration(t),
		Renew:     rapid.Float64Range(0, MaxRenew).Draw(t, "renew"),
		MaxBlocks: rapid.IntRange(1, 5).Draw(t, "max_blocks"),
		MaxTuples: 10,
		Timezone:  "UTC",
		Jitter:    rapid.Float64Range(0, MaxJitter).Draw(t, "jitter"),
		Forgive:   rapid.SampledFrom([]Duration{0, Duration(time.Hour), Duration(7 * day)}).Draw(t, "forgive"),
		Budget: Budget{
			PerMinute: rapid.IntRange(0, 3).Draw(t, "per_minute"), PerSource: rapid.IntRange(0, 3).Draw(t, "per_source"),
			PerDestination: rapid.IntRange(0, 3).Draw(t, "per_destination"), Reserve: rapid.Float64Range(0, MaxReserve).Draw(t, "reserve"),
		},
	}
	for range rapid.IntRange(0, 3).Draw(t, "steps") {
		c.Repeat = append(c.Repeat, drawDuration(t))
	}
	slices.Sort(c.Repeat)
	if rapid.Bool().Draw(t, "own longest") {
		c.Longest = max(c.Duration, drawDuration(t))
	}
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "home") {
		c.Home = append(c.Home, Network{Prefix: Prefix{drawPrefix(t)}})
	}
	for range rapid.IntRange(0, 4).Draw(t, "rules") {
		r := drawRule(t)
		if r.Duration != nil && c.Longest > 0 && *r.Duration > c.Longest || r.Action == ActionBlock && r.Duration != nil && rapid.Bool().Draw(t, "longest of its own") {
			longest := max(*r.Duration, drawDuration(t))
			r.Longest = &longest
		}
		c.Rules = append(c.Rules, r)
	}
	return c
}

func drawDetection(t *rapid.T) detection.Detection {
	pick := func(from []string, what string) string { return rapid.SampledFrom(from).Draw(t, what) }
	end := func(what string) string {
		switch n := rapid.IntRange(0, 9).Draw(t, what+" kind"); {
		case n < 6:
			return pick(plainAddrs, what)
		case n < 9:
			return pick(someAddrs, what)
		}
		return pick(noAddrs, what)
	}
	return detection.Detection{
		Tuple: testTuple(end("src"), end("dst"), pick(somePorts, "port"), pick(someProtos, "proto")),
		Label: pick(someLabels, "label"), Score: rapid.SampledFrom([]float64{0, 1, 1.05, math.Inf(1), math.NaN()}).Draw(t, "score"),
		Threshold: 1.1, Flows: rapid.SampledFrom([]uint64{0, 1, 50, 1000, math.MaxUint64}).Draw(t, "flows"),
		Behaviour: rapid.SampledFrom([]string{"", "attempt", "beacon-slow"}).Draw(t, "class"),
		Scorer:    rapid.SampledFrom([]string{"slips-0.3.3", "slips-0.3.3", "behaviour"}).Draw(t, "scorer"),
		Generic:   rapid.Bool().Draw(t, "generic"),
		Normal:    rapid.SampledFrom([]string{"", "", "", "From-Normal-TCP-Any-1"}).Draw(t, "normal"),
		Gap:       rapid.SampledFrom([]time.Duration{0, time.Minute, 20 * time.Hour, 100 * day}).Draw(t, "gap"),
		Time:      testNow.Add(time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "time"))),
	}
}

func drawView(t *rapid.T, d detection.Detection) (v View, entries []Entry) {
	for range rapid.IntRange(0, 4).Draw(t, "protected") {
		entries = append(entries, Entry{drawPrefix(t),
			rapid.SampledFrom([]Kind{KindOwn, KindRouter, KindSSH, KindGateway, KindResolver, KindFeed, KindAllow, KindAllow, KindAllow}).Draw(t, "kind"), "of a test\x1b[2J\n"})
	}
	v = View{
		Now: d.Time, ID: rapid.StringMatching(`[0-9a-f]{8}`).Draw(t, "id"),
		Protected:     NewProtected(entries...),
		BlocksInForce: rapid.SampledFrom([]int{0, 0, 0, 1, 4, 5, 6}).Draw(t, "blocks"),
	}
	for range rapid.IntRange(1, 12).Draw(t, "matches seen") {
		v.Evidence.Times = append(v.Evidence.Times, d.Time.Add(-time.Duration(rapid.Int64Range(0, int64(100*time.Minute)).Draw(t, "ago"))))
	}
	v.Evidence.Times[0] = d.Time
	v.Home = NewHome(netip.MustParsePrefix("203.0.113.0/24"))
	v.Feed = rapid.SampledFrom([]string{"", "spawn:eth0", "argus://192.0.2.9"}).Draw(t, "feed url")
	if rapid.Bool().Draw(t, "just started") {
		v.Started = v.Now.Add(-time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "ran")))
	}
	v.Spent = Spent{rapid.IntRange(0, 4).Draw(t, "minute"), rapid.IntRange(0, 4).Draw(t, "source"), rapid.IntRange(0, 4).Draw(t, "destination")}
	v.Offended = drawOffended(t, v.Now)
	if rapid.Bool().Draw(t, "in force") {
		v.InForce = InForce{Scope: drawScope(t), ID: "before", Until: v.Now.Add(time.Duration(rapid.Int64Range(-int64(time.Hour), int64(4*time.Hour)).Draw(t, "left")))}
	}
	return v, entries
}

func drawOffended(t *rapid.T, now argusfeed.Time) Offended {
	one := func(what string) Offence {
		if rapid.Bool().Draw(t, what) {
			return Offence{}
		}
		return Offence{
			Count: rapid.IntRange(1, 20).Draw(t, "count"), Longest: time.Duration(drawDuration(t)),
			Until: now.Add(time.Duration(rapid.Int64Range(-int64(30*day), int64(day)).Draw(t, "until"))),
		}
	}
	return Offended{one("tuple"), one("pair"), one("destination"), one("source")}
}

func drawEngine(t *rapid.T) (*Engine, Config) {
	c := drawConfig(t)
	e, err := New(c, time.Minute)
	if err != nil {
		t.Fatalf("%v\n%+v", err, c)
	}
	return e, c
}

// drawBlocker makes an engine that blocks what no rule of its own fits, at one
// match: else blocks are rare.
func drawBlocker(t *rapid.T) *Engine {
	c := drawConfig(t)
	one := 1
	c.Rules = append(c.Rules, Rule{Name: "all", Action: ActionBlock, Scope: drawScope(t), Matches: &one})
	e, err := New(c, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
