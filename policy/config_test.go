package policy

import (
	"bytes"
	"errors"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// tables is what slips.toml says about this package.
type tables struct {
	Policy  Config        `toml:"policy"`
	Protect ProtectConfig `toml:"protect"`
}

// decode reads TOML over the defaults as the agent does.
func decode(text string) (tables, error) {
	t := tables{Policy: DefaultConfig(), Protect: DefaultProtectConfig()}
	t.Policy.Rules = nil
	meta, err := toml.Decode(text, &t)
	if !meta.IsDefined("policy", "rule") {
		t.Policy.Rules = DefaultRules()
	}
	return t, err
}

var comparePrefixes = cmpopts.EquateComparable(netip.Prefix{})

func TestDefaultsAreValid(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if err := DefaultProtectConfig().Validate(); err != nil {
		t.Error(err)
	}
	got, err := decode("")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tables{DefaultConfig(), DefaultProtectConfig()}, got, comparePrefixes); diff != "" {
		t.Error(diff)
	}
}

const everyKey = `
[policy]
matches = 2
windows = 5
score = 0.9
flows = 20
grace = "10m"
action = "alert"
duration = "90s"
longest = "1d12h"
repeat = ["2m", "1h", "1.5d"]
forgive = "0s"
jitter = 0.5
renew = 0.25
home = ["192.0.2.0/24 the office", "2001:db8::/32"]
timezone = "UTC"
max_blocks = 7
max_tuples = 70

[policy.budget]
per_minute = 8
per_source = 9
per_destination = 0
reserve = 0.5

[[policy.rule]]
name = "all"
label = "From-Botnet-*"
protocol = "ICMPv6"
source = "10.0.0.0/8"
destination = ["192.0.2.1", "2001:db8::/32", "::ffff:198.51.100.0/120"]
behaviour = ["beacon-*", "attempt"]
below = 0.99
above = 0.5
generic = true
direction = ["outbound", "router"]
feed = "spawn:*"
hours = ["08:00-18:00", "22:00-06:00", "23:00-24:00"]
days = ["mon", "Sunday"]
action = "ignore"
matches = 1
windows = 10080
score = 0
flows = 0
grace = "0s"

[[policy.rule]]
ports = 53
protocol = 17
direction = "inbound"
action = "block"
duration = "24h"
longest = "7d"
scope = "pair"
verdict = "reject"

[[policy.rule]]
ports = [1, "2-3", "8000 - 8100"]
action = "alert"

[protect]
networks = ["10.0.0.5", "192.168.7.0/24   # the printers", "2001:db8::1 NAS and more"]
`

func TestDecodeEveryKey(t *testing.T) {
	day, one, week := Duration(24*time.Hour), 1, 10080
	seven, now, zero := 7*day, Duration(0), 0
	sure, half, none, yes := 0.99, 0.5, 0.0, true
	prefix := func(s string) Prefix { return Prefix{netip.MustParsePrefix(s)} }
	want := tables{
		Policy: Config{
			Matches: 2, Windows: 5, Score: 0.9, Flows: 20, Grace: Duration(10 * time.Minute),
			Action: ActionAlert, Duration: Duration(90 * time.Second), Longest: Duration(36 * time.Hour),
			Repeat: Durations{Duration(2 * time.Minute), Duration(time.Hour), Duration(36 * time.Hour)},
			Jitter: 0.5, Renew: 0.25, MaxBlocks: 7, MaxTuples: 70, Timezone: "UTC",
			Home:   Networks{{Prefix: prefix("192.0.2.0/24"), Comment: "the office"}, {Prefix: prefix("2001:db8::/32")}},
			Budget: Budget{PerMinute: 8, PerSource: 9, Reserve: 0.5},
			Rules: []Rule{
				{
					Name: "all", Label: "From-Botnet-*", Protocol: "ipv6-icmp",
					Source:      Prefixes{prefix("10.0.0.0/8")},
					Destination: Prefixes{prefix("192.0.2.1/32"), prefix("2001:db8::/32"), prefix("198.51.100.0/24")},
					Behaviour:   Behaviours{"beacon-*", "attempt"}, Below: &sure, Above: &half, Generic: &yes,
					Direction: Directions{DirectionOutbound, DirectionRouter}, Feed: "spawn:*",
					Hours: Hours{{480, 1080}, {1320, 360}, {1380, 1440}}, Days: Days{1, 0},
					Action: ActionIgnore, Matches: &one, Windows: &week, Score: &none, Flows: &zero, Grace: &now,
				},
				{Ports: Ports{{53, 53}}, Protocol: "udp", Direction: Directions{DirectionInbound},
					Action: ActionBlock, Duration: &day, Longest: &seven, Scope: ScopePair, Verdict: VerdictReject},
				{Ports: Ports{{1, 1}, {2, 3}, {8000, 8100}}, Action: ActionAlert},
			},
		},
		Protect: ProtectConfig{Networks: Networks{
			{Prefix: prefix("10.0.0.5/32")},
			{Prefix: prefix("192.168.7.0/24"), Comment: "the printers"},
			{Prefix: prefix("2001:db8::1/128"), Comment: "NAS and more"},
		}},
	}
	got, err := decode(everyKey)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, comparePrefixes); diff != "" {
		t.Fatal(diff)
	}
	if err := errors.Join(got.Policy.Validate(), got.Protect.Validate()); err != nil {
		t.Fatal(err)
	}

	// What is written is read back as the same.
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(got); err != nil {
		t.Fatal(err)
	}
	again, err := decode(text.String())
	if err != nil {
		t.Fatalf("%v\n%s", err, &text)
	}
	if diff := cmp.Diff(got, again, comparePrefixes); diff != "" {
		t.Errorf("%s\n%s", diff, &text)
	}
}

// The line, the key and what is allowed: an admin needs all three.
func TestDecodeErrorsNameLineKeyAndWhatIsAllowed(t *testing.T) {
	const head = "[policy]\n\n[[policy.rule]]\nname = \"x\"\n" // 4 lines
	for _, tt := range []struct {
		text, key string
		line      int
		want      string
	}{
		{"[policy]\nmatches = 3\naction = \"deny\"\n", "policy.action", 3,
			`"deny" is not allowed; use block, alert or ignore`},
		{"[policy]\naction = \"\"\n", "policy.action", 2, `missing; use block, alert or ignore`},
		{"[policy]\naction = true\n", "policy.action", 2, `"true" is not allowed; use block, alert or ignore`},
		{"[policy]\nduration = \"1 hour\"\n", "policy.duration", 2, `invalid duration: "1 hour"; use a number with its unit (s, m, h, d), as in "90s", "12h" or "7d"`},
		{head + `action = "drop"`, "policy.rule.action", 5, `"drop" is not allowed; use block, alert or ignore`},
		{head + `label = ""`, "policy.rule.label", 5,
			`empty; use a label with * for any characters, ? for one and [abc] for one of these, such as "*-DNS-*", or leave the key out for every label`},
		{head + `label = "*-[DNS"`, "policy.rule.label", 5,
			`"*-[DNS" is no pattern; use a label with * for any characters, ? for one and [abc] for one of these, such as "*-DNS-*"`},
		{head + `protocol = "tpc"`, "policy.rule.protocol", 5,
			`"tpc" is not allowed; use tcp, udp, icmp, ipv6-icmp, sctp, arp or another name or number (0 to 255) of an IP protocol`},
		{head + `protocol = 256`, "policy.rule.protocol", 5,
			`"256" is not allowed; use tcp, udp, icmp, ipv6-icmp, sctp, arp or another name or number (0 to 255) of an IP protocol`},
		{head + `protocol = "rtp"`, "policy.rule.protocol", 5,
			`"rtp" is not allowed; use tcp, udp, icmp, ipv6-icmp, sctp, arp or another name or number (0 to 255) of an IP protocol`},
		{head + `protocol = "unas"`, "policy.rule.protocol", 5,
			`"unas" is not allowed; use tcp, udp, icmp, ipv6-icmp, sctp, arp or another name or number (0 to 255) of an IP protocol`},
		{head + `ports = "8100-8000"`, "policy.rule.ports", 5,
			`the range "8100-8000" is the wrong way round; use "8000-8100"`},
		{head + `ports = [53, 65536]`, "policy.rule.ports", 5,
			`"65536" is not allowed; use a port (0 to 65535), a range of them ("8000-8100"), or a list of both`},
		{head + `ports = -1`, "policy.rule.ports", 5,
			`"-1" is not allowed; use a port (0 to 65535), a range of them ("8000-8100"), or a list of both`},
		{head + `ports = "https"`, "policy.rule.ports", 5,
			`"https" is not allowed; use a port (0 to 65535), a range of them ("8000-8100"), or a list of both`},
		{head + `ports = [1.5]`, "policy.rule.ports", 5,
			`1.5 is not allowed; use a port (0 to 65535), a range of them ("8000-8100"), or a list of both`},
		{head + `ports = []`, "policy.rule.ports", 5,
			`the list is empty; use a port (0 to 65535), a range of them ("8000-8100"), or a list of both, or leave the key out for every port`},
		{head + `source = "10.0.0.0/33"`, "policy.rule.source", 5,
			`"10.0.0.0/33" is not allowed: /33; use 0 to 32 bits: an address ("10.0.0.5", "2001:db8::5") or a network ("10.0.0.0/8", "2001:db8::/32")`},
		{head + `source = "2001:db8::/129"`, "policy.rule.source", 5,
			`"2001:db8::/129" is not allowed: /129; use 0 to 128 bits: an address ("10.0.0.5", "2001:db8::5") or a network ("10.0.0.0/8", "2001:db8::/32")`},
		{head + "source = [\"10.0.0.0/8\",\n  \"10.0.0.300\"]", "policy.rule.source", 5,
			`"10.0.0.300" is not allowed; use an address ("10.0.0.5", "2001:db8::5") or a network ("10.0.0.0/8", "2001:db8::/32")`},
		{head + `destination = "fe80::1%eth0"`, "policy.rule.destination", 5,
			`"fe80::1%eth0" is not allowed; use an address ("10.0.0.5", "2001:db8::5") or a network ("10.0.0.0/8", "2001:db8::/32")`},
		{head + `destination = "10.0.0.5/24"`, "policy.rule.destination", 5,
			`"10.0.0.5/24" has bits behind its length; use "10.0.0.0/24" for the network or "10.0.0.5" for the address`},
		{head + `destination = []`, "policy.rule.destination", 5,
			`the list is empty; use an address ("10.0.0.5", "2001:db8::5") or a network ("10.0.0.0/8", "2001:db8::/32"), or leave the key out for every address`},
		{"[protect]\n\nnetworks = [\"10.0.0.5\", \"10.0.0.0/33 the lab\"]", "protect.networks", 3,
			`"10.0.0.0/33" is not allowed: /33; use 0 to 32 bits: an address ("10.0.0.5", "2001:db8::5") or a network ("10.0.0.0/8", "2001:db8::/32")`},
		{"[protect]\nnetworks = [{}]", "protect.networks", 2,
			`map[] is not allowed; use an address ("10.0.0.5", "2001:db8::5") or a network ("10.0.0.0/8", "2001:db8::/32"), then maybe a blank and a comment`},
	} {
		_, err := decode(tt.text)
		var parse toml.ParseError
		if !errors.As(err, &parse) {
			t.Errorf("%s\ngave %v, want a toml.ParseError", tt.text, err)
			continue
		}
		if parse.Position.Line != tt.line || parse.LastKey != tt.key || parse.Message != tt.want {
			t.Errorf("%s\ngave line %d, key %s, %q\nwant line %d, key %s, %q", tt.text,
				parse.Position.Line, parse.LastKey, parse.Message, tt.line, tt.key, tt.want)
		}
	}
}

func TestValidateErrors(t *testing.T) {
	hour, negative := Duration(time.Hour), Duration(-time.Hour)
	zero, many := 0, MaxWindows+1
	block := func(r Rule) []Rule { r.Action = ActionBlock; return []Rule{r} }
	for _, tt := range []struct {
		name string
		edit func(*Config)
		want string
	}{
		{"no matches", func(c *Config) { c.Matches = 0 }, `matches: 0 is not allowed; use 1 to 100`},
		{"many matches", func(c *Config) { c.Matches = 101 }, `matches: 101 is not allowed; use 1 to 100`},
		{"no windows", func(c *Config) { c.Windows = -1 }, `windows: -1 is not allowed; use 1 to 10080`},
		{"negative duration", func(c *Config) { c.Duration = negative },
			`duration: -1h is not allowed; use "1s" to "30d", with the unit`},
		{"duration without unit", func(c *Config) { c.Duration = 3600 },
			`duration: 3.6µs is not allowed; use "1s" to "30d", with the unit`},
		{"long duration", func(c *Config) { c.Duration = Duration(721 * time.Hour) },
			`duration: 721h is not allowed; use "1s" to "30d", with the unit`},
		{"renew", func(c *Config) { c.Renew = 1 }, `renew: 1 is not allowed; use 0 to 0.9`},
		{"renew nan", func(c *Config) { c.Renew = math.NaN() }, `renew: NaN is not allowed; use 0 to 0.9`},
		{"no blocks", func(c *Config) { c.MaxBlocks = 0 }, `max_blocks: 0 is not allowed; use 1 to 1000000`},
		{"no tuples", func(c *Config) { c.MaxTuples = 0 }, `max_tuples: 0 is not allowed; use 1 to 10000000`},
		{"action", func(c *Config) { c.Action = "deny" }, `action: "deny" is not allowed; use block, alert or ignore`},
		{"rule without action", func(c *Config) { c.Rules = []Rule{{Name: "x"}} },
			`rule[0].action: missing; use block, alert or ignore`},
		{"same name", func(c *Config) { c.Rules = append(DefaultRules(), DefaultRules()[1]) },
			`rule[5].name: "dns-ports" is the name of rule[1] already; use another one`},
		{"below", func(c *Config) { zero := 0.0; c.Rules = block(Rule{Below: &zero}) },
			`rule[0].below: 0 is not allowed; use more than 0, up to 1`},
		{"name of the default", func(c *Config) { c.Rules = block(Rule{Name: "default"}) },
			`rule[0].name: "default" is what decisions say where no rule fits; use another name`},
		{"name of the nameless", func(c *Config) { c.Rules = block(Rule{Name: "rule[7]"}) },
			`rule[0].name: "rule[7]" looks like the name of a rule without one; use another name`},
		{"unprintable name", func(c *Config) { c.Rules = block(Rule{Name: "a\x1b[2J"}) },
			`rule[0].name: "a\x1b[2J" has characters that cannot be printed; use letters, digits and dashes`},
		{"glob", func(c *Config) { c.Rules = block(Rule{Label: "a["}) },
			`rule[0].label: "a[" is no pattern; use a label with * for any characters, ? for one and [abc] for one of these, such as "*-DNS-*"`},
		{"protocol", func(c *Config) { c.Rules = block(Rule{Protocol: "TCP"}) },
			`rule[0].protocol: "TCP" is not allowed; use "tcp"`},
		{"reversed ports", func(c *Config) { c.Rules = block(Rule{Ports: Ports{{9, 8}}}) },
			`rule[0].ports: the range "9-8" is the wrong way round; use "8-9"`},
		{"ports of ICMP", func(c *Config) { c.Rules = block(Rule{Protocol: "icmp", Ports: Ports{{8, 8}}}) },
			`rule[0].ports: icmp has no ports, so the rule would never fit; leave ports out, or use tcp, udp or sctp`},
		{"empty network", func(c *Config) { c.Rules = block(Rule{Source: Prefixes{{}}}) },
			`rule[0].source: an empty network; use an address ("10.0.0.5", "2001:db8::5") or a network ("10.0.0.0/8", "2001:db8::/32")`},
		{"duration of an alert", func(c *Config) { c.Rules = []Rule{{Action: ActionAlert, Duration: &hour}} },
			`rule[0].duration: only a rule with action = "block" has one, this one says "alert"`},
		{"negative duration of a rule", func(c *Config) { c.Rules = block(Rule{Duration: &negative}) },
			`rule[0].duration: -1h is not allowed; use "1s" to "30d", with the unit`},
		{"matches of a rule", func(c *Config) { c.Rules = block(Rule{Matches: &zero}) },
			`rule[0].matches: 0 is not allowed; use 1 to 100`},
		{"windows of a rule", func(c *Config) { c.Rules = block(Rule{Windows: &many}) },
			`rule[0].windows: 10081 is not allowed; use 1 to 10080`},
		{"all at once", func(c *Config) { c.Matches = 0; c.Windows = 0 },
			"matches: 0 is not allowed; use 1 to 100\nwindows: 0 is not allowed; use 1 to 10080"},
	} {
		c := DefaultConfig()
		tt.edit(&c)
		err := c.Validate()
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v\nwant %s", tt.name, err, tt.want)
		}
		if _, errNew := New(c, time.Minute); errNew == nil {
			t.Errorf("%s: New took it", tt.name)
		}
	}
	if err := (ProtectConfig{Networks: Networks{{}}}).Validate(); err == nil || !strings.HasPrefix(err.Error(), "networks: ") {
		t.Errorf("an empty network in [protect] gave %v", err)
	}
	for _, width := range []time.Duration{-1, 0, 25 * time.Hour} {
		if _, err := New(DefaultConfig(), width); err == nil {
			t.Errorf("New took a width of %v", width)
		}
	}
}

// Whatever a file says, it is refused or makes a working engine.
func FuzzConfig(f *testing.F) {
	f.Add(everyKey)
	f.Add("[policy]\nduration = \"-1h\"\n[[policy.rule]]\nlabel = \"[\"\n")
	f.Add("[protect]\nnetworks = [\"::ffff:1.2.3.4/97 x\"]\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := decode(text)
		if err != nil || c.Policy.Validate() != nil || c.Protect.Validate() != nil {
			return
		}
		e, err := New(c.Policy, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		d := testDetection("10.0.0.1", "192.0.2.1", "4444", "tcp")
		e.NewTracker().Observe(d)
		for range 2 {
			dec := e.Decide(d, View{ID: "x", Protected: NewProtected(c.Protect.Entries()...)})
			if dec.Reason == "" || dec.Action.check() != nil || dec.Rule == "" {
				t.Fatalf("%+v", dec)
			}
		}
		var again bytes.Buffer
		if err := toml.NewEncoder(&again).Encode(c); err != nil {
			t.Fatal(err)
		}
		back, err := decode(again.String())
		if err != nil {
			t.Fatalf("%v\n%s", err, &again)
		}
		if diff := cmp.Diff(c, back, comparePrefixes, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}
