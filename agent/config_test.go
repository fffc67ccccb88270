package agent

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	slipsips "slips-ips"
	"slips-ips/policy"
)

// prefixes compares networks, which hold netip values.
var prefixes = cmp.Comparer(func(a, b policy.Prefix) bool { return a.Prefix == b.Prefix })

func TestShippedConfigIsTheDefault(t *testing.T) {
	got, wrong := ParseConfig(slipsips.DefaultConfig)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	// An empty list and none are the same.
	if d := cmp.Diff(DefaultConfig(), got, cmpopts.EquateEmpty(), prefixes); d != "" {
		t.Error(d)
	}
	none, wrong := ParseConfig(nil)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if d := cmp.Diff(DefaultConfig(), none, prefixes); d != "" {
		t.Error(d)
	}
	if err := none.Validate(); err != nil {
		t.Error(err)
	}
}

// Whoever reads slips.toml must find every key there is.
func TestShippedConfigHasEveryKey(t *testing.T) {
	text := regexp.MustCompile(`(?m)^# (\[\[[a-z.]+\]\]|[a-z_]+ = )`).ReplaceAllString(string(slipsips.DefaultConfig), "$1")
	have := map[string]bool{}
	for _, k := range keyLines([]byte(text)) {
		have[k.plain] = true
	}
	keys := 0
	var look func(table string)
	look = func(table string) {
		for _, key := range knownKeys(table) {
			keys++
			if !have[table+"."+key] {
				t.Errorf("%s.%s is not in slips.toml", table, key)
			}
			if table != "policy" { // of rules the comment names the keys, see below
				look(table + "." + key)
			}
		}
	}
	for _, table := range knownKeys("") {
		look(table)
	}
	if keys < 80 {
		t.Errorf("only %d keys are known", keys)
	}
	// Rules have keys that the defaults leave out; the comment above them names all.
	comment, _, _ := strings.Cut(text, "# Whoever blocks a resolver")
	for _, key := range knownKeys("policy.rule") {
		if !regexp.MustCompile(`(?m)^#   (\w+, )*` + key + `\b`).MatchString(comment) {
			t.Errorf("the comment on [[policy.rule]] does not name %s", key)
		}
	}
}

func TestConfigMistakes(t *testing.T) {
	const (
		policyKeys = "matches, windows, score, flows, grace, action, duration, longest, repeat, forgive, jitter, renew, home, timezone, max_blocks, max_tuples, budget, rule"
		ruleKeys   = "name, label, behaviour, below, above, generic, protocol, ports, source, destination, direction, feed, hours, days, " +
			"action, scope, verdict, duration, longest, matches, windows, score, flows, grace"
		tables      = "agent, source, detection, models, policy, protect, enforce, report, history, metrics, web"
		sourceForms = "allowed are argus://HOST[:PORT] (an Argus, default port 561), " +
			"spawn:[IFACE] (an argus of its own on that interface, or on that of the default route), " +
			"ra:PATH, ra:- or - (what ra prints), file:PATH or PATH (stored flows), follow:PATH (a file that argus or ra appends to)"
		unit = `use a number with its unit (ms, s, m, h), as in "90s"`
	)
	for _, tt := range []struct {
		name, text string
		want       []Mistake
	}{
		{"misspelt key", "[policy]\n\nmatchs = 3\n",
			[]Mistake{{3, "policy.matchs", "unknown key; did you mean matches? Known here: " + policyKeys}}},
		{"unknown key like no other", "[agent]\ncolour = 1\n",
			[]Mistake{{2, "agent.colour", "unknown key; known here: mode, state, socket, group, admin_group"}}},
		{"key of another table", "mode = \"enforce\"\n",
			[]Mistake{{1, "mode", "unknown key; known here: " + tables}}},
		{"misspelt table", "# mine\n[polcy]\nmatches = 3\n",
			[]Mistake{{2, "polcy", "unknown key; did you mean policy? Known here: " + tables}}},
		{"unknown table with tables in it", "[foo]\nbar = 1\n[foo.baz]\nx = 1\n",
			[]Mistake{{1, "foo", "unknown key; known here: " + tables}}},
		{"table in a table", "[policy.extra]\nx = 1\n",
			[]Mistake{{1, "policy.extra", "unknown key; known here: " + policyKeys}}},
		{"misspelt table that stands nowhere alone", "[enforce]\n[polcy.budget]\nper_minute = 1\nper_source = 1\n",
			[]Mistake{{2, "polcy", "unknown key; did you mean policy? Known here: " + tables}}},
		{"misspelt table in a dotted key", "# mine\npolcy.matches = 3\n",
			[]Mistake{{2, "polcy", "unknown key; did you mean policy? Known here: " + tables}}},
		{"misspelt table in a table", "[policy]\nextra.x.y = 1\n",
			[]Mistake{{2, "policy.extra", "unknown key; known here: " + policyKeys}}},
		{"negative duration", "[policy]\nmatches = 3\nduration = \"-5m\"\n",
			[]Mistake{{3, "policy.duration", `-5m is not allowed; use "1s" to "30d", with the unit`}}},
		{"negative width", "[detection]\nwidth = \"-1m\"\n",
			[]Mistake{{2, "detection.width", "-1m0s is not allowed; use 1s to 24h"}}},
		{"duration without unit", "[detection]\nwidth = \"5\"\n",
			[]Mistake{{2, "detection.width", `invalid duration: "5"; ` + unit}}},
		{"impossible prefix", "[protect]\nnetworks = [\"10.0.0.0/33\"]\n",
			[]Mistake{{2, "protect.networks", `"10.0.0.0/33" is not allowed: /33; use 0 to 32 bits: ` +
				`an address ("10.0.0.5", "2001:db8::5") or a network ("10.0.0.0/8", "2001:db8::/32")`}}},
		{"prefix with bits behind it", "[[policy.rule]]\naction = \"block\"\nsource = \"10.0.0.5/24\"\n",
			[]Mistake{{3, "policy.rule[0].source",
				`"10.0.0.5/24" has bits behind its length; use "10.0.0.0/24" for the network or "10.0.0.5" for the address`}}},
		{"unknown action", "[policy]\naction = \"deny\"\n",
			[]Mistake{{2, "policy.action", `"deny" is not allowed; use block, alert or ignore`}}},
		{"unknown action in the first of two rules",
			"[[policy.rule]]\nname = \"a\"\naction = \"deny\"\n\n[[policy.rule]]\nname = \"b\"\naction = \"block\"\n",
			[]Mistake{{3, "policy.rule[0].action", `"deny" is not allowed; use block, alert or ignore`}}},
		{"unknown action in the second of two rules",
			"[[policy.rule]]\nname = \"a\"\naction = \"block\"\n\n[[policy.rule]]\nname = \"b\"\naction = \"deny\"\n",
			[]Mistake{{7, "policy.rule[1].action", `"deny" is not allowed; use block, alert or ignore`}}},
		{"wrong type in the first of two rules",
			"[[policy.rule]]\nmatches = \"x\"\naction = \"block\"\n[[policy.rule]]\nmatches = 3\naction = \"block\"\n",
			[]Mistake{{2, "policy.rule[0].matches", "a value of the wrong type; use a whole number"}}},
		{"no action", "[[policy.rule]]\nname = \"a\"\n",
			[]Mistake{{1, "policy.rule[0].action", "missing; use block, alert or ignore"}}},
		{"text for a number", "[policy]\nmatches = \"three\"\n",
			[]Mistake{{2, "policy.matches", "a value of the wrong type; use a whole number"}}},
		{"text for true", "[report.sound]\nenabled = \"yes\"\n",
			[]Mistake{{2, "report.sound.enabled", "a value of the wrong type; use true or false"}}},
		{"sound as it was", "[report]\nsound = true\n",
			[]Mistake{{2, "report.sound", "a value of the wrong type; use a table"}}},
		{"bad outputs", "[report.eve]\nflows = \"some\"\n[[report.webhook]]\nname = \"a\"\nurl = \"ftp://x\"\n[[report.webhook]]\nname = \"a\"\nurl = \"http://x\"\n",
			[]Mistake{
				{2, "report.eve.flows", `"some" is not allowed; use none, detected or all`},
				{5, "report.webhook[0].url", `"ftp://x" is not allowed; use http://HOST/PATH or https://HOST/PATH`},
				{7, "report.webhook[1].name", `"a" is there already; use another one`},
			}},
		{"number for a text", "[detection]\nmodels = 3\n",
			[]Mistake{{2, "detection.models", "a value of the wrong type; use a text in quotes"}}},
		{"value for a table", "policy = 3\n", []Mistake{{1, "policy", "a value of the wrong type; use a table"}}},
		{"value for a list of tables", "source = \"argus://x\"\n",
			[]Mistake{{1, "source", "a value of the wrong type; use [[source]] and, below it, url"}}},
		{"broken TOML", "[agent]\nmode = \"dry-run\"\n[policy]\nmatches = = 3\n",
			[]Mistake{{4, "policy.matches", "expected value but found '=' instead"}}},
		{"text without its end", "[detection]\nmodels = \"abc\n",
			[]Mistake{{2, "detection.models", "strings cannot contain newlines"}}},
		{"key twice", "[policy]\nmatches = 3\nmatches = 4\n",
			[]Mistake{{3, "policy.matches", "Key 'policy.matches' has already been defined."}}},
		{"bad source URLs", "[[source]]\nurl = \"argus://h:99999\"\n\n[[source]]\nurl = \"-\"\n[[source]]\nurl = \"ftp://x\"\n",
			[]Mistake{
				{2, "source[0].url", `source "argus://h:99999": the port "99999" is not in 1..65535; it is written argus://HOST[:PORT] (an Argus, default port 561)`},
				{7, "source[2].url", `source "ftp://x": there is no "ftp"; ` + sourceForms},
			}},
		{"a user of a program elsewhere", "[[source]]\nurl = \"argus://192.0.2.1\"\nuser = \"argus\"\n",
			[]Mistake{{3, "source[0].user", "only known of a program of this machine: use it with argus://127.0.0.1:PORT, or leave it out"}}},
		{"bad treatment of records", "[[source]]\nurl = \"-\"\nrecords = \"whole\"\nmax_flows = 10\n",
			[]Mistake{{3, "source[0].records", `"whole" is not allowed; use "joined" or "single"`},
				{4, "source[0].max_flows", "10 is not allowed; use 1000 to 20000000, or 0 for 262144"}}},
		{"source without URL", "[[source]]\n", []Mistake{{1, "source[0].url", "empty source; " + sourceForms}}},
		{"bad mode", "[agent]\nmode = \"block\"\n",
			[]Mistake{{2, "agent.mode", `"block" is no mode; use enforce, dry-run or detect-off`}}},
		{"bad scoring", "[detection]\nscoring = \"magic\"\n",
			[]Mistake{{2, "detection.scoring", `"magic" is not allowed; use auto, slips-0.3.3 or behaviour`}}},
		{"bad tuples", "[report]\ntuples = \"some\"\n",
			[]Mistake{{2, "report.tuples", `"some" is not allowed; use all, detected or none`}}},
		{"table of somebody else", "[enforce]\ntable = \"firewalld\"\n",
			[]Mistake{{2, "enforce.table", `"firewalld" is a word of nft; use another name`}}},
		{"no hooks", "[enforce]\nhooks = []\n",
			[]Mistake{{2, "enforce.hooks", "the list is empty; use one or more of forward, input, output"}}},
		{"key in an inline table", "# x\npolicy = { matchs = 3 }\n",
			[]Mistake{{2, "policy.matchs", "unknown key; did you mean matches? Known here: " + policyKeys}}},
		{"value in an inline table", "# x\npolicy = { matches = 0 }\n",
			[]Mistake{{2, "policy.matches", "0 is not allowed; use 1 to 100"}}},
		{"value in inline rules", "[policy]\nrule = [\n  { name = \"a\", action = \"block\" },\n  { name = \"a\", action = \"block\" },\n]\n",
			[]Mistake{{2, "policy.rule[1].name", `"a" is the name of rule[0] already; use another one`}}},
		{"other case", "[policy]\nMatches = 500\n", []Mistake{{2, "policy.matches", "500 is not allowed; use 1 to 100"}}},
		{"the same unknown key in two rules", "[[policy.rule]]\naction = \"block\"\nport = 1\n[[policy.rule]]\naction = \"block\"\nport = 1\n",
			[]Mistake{
				{3, "policy.rule[0].port", "unknown key; did you mean ports? Known here: " + ruleKeys},
				{6, "policy.rule[1].port", "unknown key; did you mean ports? Known here: " + ruleKeys},
			}},
		{"several", "[policy]\nmatches = 0\nwindowz = 1\nduration = \"0s\"\n\n[enforce]\ntable = \"inet\"\n[report]\ntupels = \"all\"\n",
			[]Mistake{
				{2, "policy.matches", "0 is not allowed; use 1 to 100"},
				{3, "policy.windowz", "unknown key; did you mean windows? Known here: " + policyKeys},
				{4, "policy.duration", `0s is not allowed; use "1s" to "30d", with the unit`},
				{7, "enforce.table", `"inet" is a word of nft; use another name`},
				{9, "report.tupels", "unknown key; did you mean tuples? Known here: tuples, min_letters, limit, eve, journald, syslog, exec, webhook, desktop, sound"},
			}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got := ParseConfig([]byte(tt.text))
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
			// With the line ends of another system the lines are the same (but for
			// this one, where the toml package counts otherwise).
			if tt.name == "text without its end" {
				return
			}
			_, crlf := ParseConfig([]byte(strings.ReplaceAll(tt.text, "\n", "\r\n")))
			if len(crlf) != len(got) || len(got) > 0 && crlf[0].Line != got[0].Line {
				t.Errorf("with CRLF: %v", crlf)
			}
		})
	}
}

func TestConfigRulesReplaceTheDefaultOnes(t *testing.T) {
	c, wrong := ParseConfig([]byte("[policy]\nmatches = 5\n[[policy.rule]]\nlabel = \"*Zeus*\"\naction = \"block\"\nduration = \"2h\"\n"))
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	two := policy.Duration(2 * time.Hour)
	want := DefaultConfig()
	want.Policy.Matches = 5
	want.Policy.Rules = []policy.Rule{{Label: "*Zeus*", Action: policy.ActionBlock, Duration: &two}}
	if d := cmp.Diff(want, c, prefixes); d != "" {
		t.Error(d)
	}
}

func TestLoadConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "slips.toml")
	if err := os.WriteFile(path, []byte("[policy]\nmatches = 0\nduration = \"-1s\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := LoadConfig(path)
	want := path + ":2: policy.matches: 0 is not allowed; use 1 to 100\n" +
		path + `:3: policy.duration: -1s is not allowed; use "1s" to "30d", with the unit`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	if err := os.WriteFile(path, make([]byte, maxConfigSize+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), "larger than 4194304 bytes") {
		t.Errorf("a huge file: %v", err)
	}
	if _, err := LoadConfig(filepath.Join(path, "none")); err == nil || !strings.HasPrefix(err.Error(), "reading the configuration: ") {
		t.Errorf("no file: %v", err)
	}
}

func TestKeyLines(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []keyLine
	}{
		{"tables", "a = 1\n[t]\n# b = 2\n\n  c = 3 # d = 4\n[ t . 'u' ]\n\"e\" = 5\n", []keyLine{
			{"a", "a", 1}, {"t", "t", 2}, {"t.c", "t.c", 5}, {"t.u", "t.u", 6}, {"t.u.e", "t.u.e", 7}}},
		{"lists of tables", "[[p.r]]\na = 1\n[[s]]\nb = 1\n[[p.r]]\na = 2\n", []keyLine{
			{"p.r[0]", "p.r", 1}, {"p.r[0].a", "p.r.a", 2}, {"s[0]", "s", 3}, {"s[0].b", "s.b", 4},
			{"p.r[1]", "p.r", 5}, {"p.r[1].a", "p.r.a", 6}}},
		{"text over several lines", "a = \"\"\"\nb = 1\n[t]\n\"\"\"\nc = '''x'''\nd = '''\ne = 1'''\nf = 2\n", []keyLine{
			{"a", "a", 1}, {"c", "c", 5}, {"d", "d", 6}, {"f", "f", 8}}},
		{"list over several lines", "a = [\n\"x\",\n[1,\n2],\n]\nb = 1\n", []keyLine{{"a", "a", 1}, {"b", "b", 6}}},
		{"dotted", "a . b = 1\r\n", []keyLine{{"a.b", "a.b", 1}}},
	} {
		if d := cmp.Diff(tt.want, keyLines([]byte(tt.text)), cmp.AllowUnexported(keyLine{})); d != "" {
			t.Errorf("%s: %s", tt.name, d)
		}
	}
	keys := keyLines([]byte("[p]\na = 1\n[[p.r]]\nb = 1\n[[p.r]]\n"))
	for path, want := range map[string]int{
		"p.a": 2, "p.A": 2, "p.missing": 1, "p.r[0].b": 4, "p.r[1].b": 5, "p.r[7].b": 1, "q": 0, "q.r[1]": 0, "": 0,
	} {
		if got := lineOf(keys, path); got != want {
			t.Errorf("%s is on line %d, want %d", path, got, want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(slipsips.DefaultConfig)
	for _, s := range []string{
		"", "[policy]\nmatches = 0\n", "[[policy.rule]]\naction = \"deny\"\n[[policy.rule]]\n", "policy = { rule = [{}] }",
		"[[source]]\nurl = \"spawn:eth0\"\n", "[enforce]\nhooks = []\n", "a = '''\n[b]\n'''\n", "[protect]\nnetworks = [\"::1 x\", \"a\"]\n",
		"[policy]\nrenew = nan\n", "\ufeff[agent]\n", "[policy]\nduration = 1979-05-27\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, wrong := ParseConfig(data)
		if len(wrong) == 0 {
			if err := c.Validate(); err != nil {
				t.Fatalf("accepted, but %v", err)
			}
			return
		}
		lines := strings.Count(string(data), "\n") + 1
		for _, m := range wrong {
			if m.What == "" || m.Line < 0 || m.Line > lines {
				t.Errorf("%+v in %d lines", m, lines)
			}
		}
	})
}
