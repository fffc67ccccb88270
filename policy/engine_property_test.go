package policy

import (
	"encoding/json"
	"math"
	"net/netip"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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
		c.Rules = append(c.Rules, drawRule(t))
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
			rapid.SampledFrom([]Kind{KindOwn, KindRouter, KindSSH, KindGateway, KindResolver, KindFeed, KindAllow}).Draw(t, "kind"), "of a test\x1b[2J\n"})
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

// Whatever the configuration and the detection: a protected address is never
// blocked, and what is blocked is what the kernel can match.
func TestProtectedIsNeverBlocked(t *testing.T) {
	blocks, saved, scopes := 0, 0, map[Scope]int{}
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		c.Rules = append(c.Rules, Rule{Name: "all", Action: ActionBlock, Scope: drawScope(t)})
		e, err := New(c, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		d := drawDetection(t)
		v, entries := drawView(t, d)
		// As much as possible speaks for a block.
		v.Evidence.Times = slices.Repeat(v.Evidence.Times[:1], MaxMatches)
		v.InForce, v.BlocksInForce, v.Spent, v.Started = InForce{}, 0, Spent{}, 0
		dec := e.Decide(d, v)
		if dec.Cause == CauseProtected {
			saved++
		}
		b, ok := dec.Block()
		if !ok {
			return
		}
		blocks++
		src, okSrc := b.Tuple.Src.IP()
		dst, okDst := b.Tuple.Dst.IP()
		if !okSrc || !okDst || src.BitLen() != dst.BitLen() || src == dst {
			t.Fatalf("blocks %v", b.Tuple)
		}
		scopes[b.Scope]++
		proto, ok := b.Tuple.Proto.Number()
		if !ok && b.Scope == ScopeTuple {
			t.Fatalf("blocks %v: no IP protocol", b.Tuple)
		}
		if port, ok := b.Tuple.Port.Number(); b.Scope == ScopeTuple && (proto == 6 || proto == 17 || proto == 132) && (!ok || port == 0) {
			t.Fatalf("blocks %v: no port", b.Tuple)
		}
		// The oracle uses the definitions of net/netip, not our table.
		for end, ip := range map[string]netip.Addr{"source": src.Unmap(), "destination": dst.Unmap()} {
			if ip.IsUnspecified() || ip.IsLoopback() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
				t.Fatalf("blocks %v: special %s", b.Tuple, end)
			}
			for _, e := range entries {
				own := e.Kind == KindOwn && b.Scope == ScopeTuple || b.Scope == ScopeDestination && (e.Kind == KindOwn || e.Kind == KindRouter)
				if unmapPrefix(e.Prefix).Contains(ip) && (end == "destination" || !own) {
					t.Fatalf("blocks %v: %s is in %v (%s)", b.Tuple, end, e.Prefix, e.Kind)
				}
			}
		}
	})
	if blocks == 0 || saved == 0 || len(scopes) != 4 {
		t.Errorf("%d blocks of scopes %v, %d saved: nothing was tested", blocks, scopes, saved)
	}
}

func TestDecisionsAreWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, c := drawEngine(t)
		d := drawDetection(t)
		v, _ := drawView(t, d)
		dec := e.Decide(d, v)
		seen := slices.Clone(v.Evidence.Times)
		if diff := cmp.Diff(dec, e.Decide(d, v), cmp.AllowUnexported(argusfeed.Addr{}), nanEqual); diff != "" {
			t.Fatalf("the same question got two answers: %s", diff)
		}
		if !slices.Equal(seen, v.Evidence.Times) {
			t.Fatal("the evidence changed")
		}
		if dec.ID != v.ID || dec.Reason == "" || dec.Rule == "" || dec.Cause == "" || dec.Action.check() != nil {
			t.Fatalf("incomplete: %+v", dec)
		}
		if strings.ContainsAny(dec.Reason, "\x1b\n") {
			t.Fatalf("the reason holds control characters: %q", dec.Reason)
		}
		if _, err := json.Marshal(dec); err != nil {
			t.Fatal(err)
		}
		blocked := dec.Action == ActionBlock
		if blocked != (dec.Duration >= MinDuration && dec.Duration <= MaxDuration && dec.Scope != "") ||
			!blocked && (dec.Duration != 0 || dec.Scope != "" || dec.Verdict != "") || blocked && dec.Repeat {
			t.Fatalf("%s for %v, scope %q, repeat %v", dec.Action, dec.Duration, dec.Scope, dec.Repeat)
		}
		if blocked && !dec.Renewal && v.BlocksInForce >= c.MaxBlocks {
			t.Fatalf("a block too many: %d of %d", v.BlocksInForce, c.MaxBlocks)
		}
		over := func(n, limit int) bool { return limit > 0 && n >= limit }
		if b := c.Budget; blocked && !dec.Renewal && (over(v.Spent.Minute, b.PerMinute) || over(v.Spent.Source, b.PerSource) || over(v.Spent.Destination, b.PerDestination)) {
			t.Fatalf("beyond the budget: %+v of %+v", v.Spent, b)
		}
		if blocked && dec.Renewal && dec.Time.Add(dec.Duration) < v.InForce.Until {
			t.Fatalf("a renewal cuts the block short: %v after %v", dec.Time.Add(dec.Duration), v.InForce.Until)
		}
	})
}

var nanEqual = cmp.Comparer(func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) })

func TestMoreEvidenceNeverTurnsABlockIntoLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, _ := drawEngine(t)
		d := drawDetection(t)
		v, _ := drawView(t, d)
		before := e.Decide(d, v)
		v.Evidence.Times = append(slices.Clone(v.Evidence.Times), d.Time.Add(-time.Duration(rapid.Int64Range(0, int64(2*time.Hour)).Draw(t, "one more"))))
		after := e.Decide(d, v)
		if before.Action == ActionBlock && (after.Action != ActionBlock || after.Duration < before.Duration) ||
			before.Confirmed && !after.Confirmed || after.Matches < before.Matches {
			t.Fatalf("before: %s %v\nafter:  %s %v", before.Action, before.Reason, after.Action, after.Reason)
		}
	})
}

func TestFirstMatchWins(t *testing.T) {
	ruled := 0
	rapid.Check(t, func(t *rapid.T) {
		e, c := drawEngine(t)
		d := drawDetection(t)
		v, _ := drawView(t, d)
		want := DefaultRule
		for i, r := range c.Rules {
			if naiveFits(c, v, r, d) {
				want = nameOf(r, i)
				ruled++
				break
			}
		}
		if dec := e.Decide(d, v); dec.Rule != want {
			t.Fatalf("%v %q was decided by %s, want %s\n%+v", d.Tuple, d.Label, dec.Rule, want, c.Rules)
		}
	})
	if ruled == 0 {
		t.Error("no rule fitted ever: nothing was tested")
	}
}

// naiveFits compares the texts that ra prints.
func naiveFits(c Config, v View, r Rule, d detection.Detection) bool {
	if r.Label != "" {
		slash := strings.NewReplacer("/", "~")
		if ok, _ := path.Match(slash.Replace(strings.ToUpper(string(r.Label))), slash.Replace(strings.ToUpper(d.Label))); !ok {
			return false
		}
	}
	proto := strings.ToLower(d.Tuple.Proto.String())
	if proto == "rtp" {
		proto = "udp"
	}
	if r.Protocol != "" && proto != string(r.Protocol) {
		return false
	}
	if r.Ports != nil {
		fits := false
		for _, p := range r.Ports {
			for n := int(p.First); n <= int(p.Last); n++ {
				fits = fits || argusfeed.PortNumber(uint16(n)) == d.Tuple.Port
			}
		}
		if !fits {
			return false
		}
	}
	if r.Direction != nil && !slices.Contains(r.Direction, naiveDirection(c, v, d.Tuple)) {
		return false
	}
	if r.Feed != "" {
		slash := strings.NewReplacer("/", "~")
		if ok, _ := path.Match(slash.Replace(string(r.Feed)), slash.Replace(v.Feed)); !ok {
			return false
		}
	}
	if r.Behaviour != nil {
		if ok, _ := path.Match(string(r.Behaviour[0]), d.Behaviour); !ok || d.Behaviour == "" {
			return false
		}
	}
	if !naiveSchedule(r, d.Time.Time().UTC()) {
		return false
	}
	inside := func(list Prefixes, end argusfeed.Addr) bool {
		ip, ok := end.IP()
		return list == nil || ok && slices.ContainsFunc(list, func(p Prefix) bool { return unmapPrefix(p.Prefix).Contains(ip.Unmap()) })
	}
	return inside(r.Source, d.Tuple.Src) && inside(r.Destination, d.Tuple.Dst)
}

// naiveDirection goes through the definition with net/netip.
func naiveDirection(c Config, v View, t argusfeed.Tuple) Direction {
	src, ok1 := t.Src.IP()
	dst, ok2 := t.Dst.IP()
	if !ok1 || !ok2 {
		return ""
	}
	own := func(ip netip.Addr) bool {
		for e := range v.Protected.All() {
			if (e.Kind == KindOwn || e.Kind == KindRouter) && e.Prefix.Contains(ip) {
				return true
			}
		}
		return false
	}
	home := func(ip netip.Addr) bool {
		if len(c.Home) > 0 {
			return slices.ContainsFunc(c.Home, func(n Network) bool { return unmapPrefix(n.Prefix.Prefix).Contains(ip) })
		}
		return ip.IsPrivate() || ip.IsLinkLocalUnicast() || netip.MustParsePrefix("203.0.113.0/24").Contains(ip)
	}
	src, dst = src.Unmap(), dst.Unmap()
	from, to := home(src), home(dst) || own(dst)
	switch {
	case own(src):
		return "router"
	case from && !to:
		return "outbound"
	case !from && to:
		return "inbound"
	case from:
		return "internal"
	}
	return "external"
}

// naiveSchedule looks at every minute of the night before and of the day.
func naiveSchedule(r Rule, at time.Time) bool {
	at = at.Truncate(time.Minute)
	midnight := at.Truncate(day)
	for _, begin := range []time.Time{midnight.Add(-day), midnight} {
		if r.Days != nil && time.Weekday(r.Days[0]) != begin.Weekday() {
			continue
		}
		from, to := 0, minutesOfDay
		if r.Hours != nil {
			if from, to = r.Hours[0].From, r.Hours[0].To; to <= from {
				to += minutesOfDay
			}
		}
		for m := from; m < to; m++ {
			if begin.Add(time.Duration(m) * time.Minute).Equal(at) {
				return true
			}
		}
	}
	return false
}
