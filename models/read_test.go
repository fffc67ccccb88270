package models

import (
	"bytes"
	"errors"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const lettersFile = `# Learned at home.
label = "From-Normal-TCP-HTTP-Radio-1"
class = "normal"
protocol = "tcp"
kind = "letters"
threshold = 1.1
licence = "CC0-1.0"
letters = '''
88,h,h,
  h,H,	y,
'''

[provenance]
data = "one \"radio\", \\ a day"
tool = "slips-ips models train"
learned = 2025-11-24
`

const behaviourFile = `label = "From-Botnet-TCP-HTTP-Slow-1"
class = "malicious"
kind = "behaviour"
behaviour = { min_contacts = 3, merge = "2s", min_gap = "0s", max_gap = "1h30m", max_gap_spread = 1, max_size_spread = 0.25, not_ports = [53, 65535] }
`

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name, data string
		want       Model
	}{
		{"letters", lettersFile, Model{
			Label: "From-Normal-TCP-HTTP-Radio-1", Class: ClassNormal, Kind: KindLetters, Proto: "tcp", Threshold: 1.1,
			Letters: "88,h,h,h,H,y,", Licence: "CC0-1.0", Data: `one "radio", \ a day`, Tool: "slips-ips models train",
			Learned: time.Date(2025, 11, 24, 0, 0, 0, 0, time.UTC), File: "radio.toml",
		}},
		{"behaviour", behaviourFile, Model{
			Label: "From-Botnet-TCP-HTTP-Slow-1", Class: ClassMalicious, Kind: KindBehaviour, File: "radio.toml",
			Behaviour: &Behaviour{MinContacts: 3, Merge: 2 * time.Second, MaxGap: 90 * time.Minute, MaxGapSpread: 1,
				MaxSizeSpread: 0.25, NotPorts: []uint16{53, 65535}, Evidence: Decisive},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Read(strings.NewReader(tt.data), "models/radio.toml")
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	edit := func(file, from, to string) string {
		out := strings.Replace(file, from, to, 1)
		if out == file {
			t.Fatalf("%q is not in the file", from)
		}
		return out
	}
	table := "label = \"From-Botnet-TCP-HTTP-Slow-1\"\nclass = \"malicious\"\nkind = \"behaviour\"\n[behaviour]\nmin_contacts = 3\n" +
		"merge = \"2s\"\nmin_gap = \"1s\"\nmax_gap = \"1h\"\nmax_gap_spread = 1\nmax_size_spread = 0.25\n"
	for _, tt := range []struct{ name, data, want string }{
		{"misspelt key", edit(lettersFile, "threshold", "treshold"),
			"line 6: treshold: is no key of a model; allowed are label, class, kind, protocol, threshold, licence, letters, behaviour, provenance"},
		{"and what it left out", edit(lettersFile, "threshold", "treshold"), "a.toml: threshold: is missing"},
		{"misspelt key in a table", edit(lettersFile, "tool =", "tol ="),
			"line 15: provenance.tol: is no key of a model; allowed are data, tool, learned"},
		{"unknown table", lettersFile + "[scorer]\nname = \"x\"\n", "line 17: scorer: is no key of a model"},
		{"quoted key with a dot", table + "\"behaviour.merge\" = 1\n", "is no key of a model"},
		{"key that colours a terminal", "\"\\u001b[31m\" = 1\n" + table, `"\x1b[31m": is no key of a model`},
		{"wrong type", edit(lettersFile, "1.1", `"high"`), `line 6: threshold: "high" is not allowed; use a number`},
		{"class", edit(lettersFile, `"normal"`, `"benign"`), `line 3: class: "benign" is not allowed; use "malicious" or "normal"`},
		{"class against the label", edit(lettersFile, `"normal"`, `"malicious"`),
			`line 3: class: "malicious" contradicts the label, whose second field is "Normal"`},
		{"kind", edit(lettersFile, `"letters"`, `"markov"`), `line 5: kind: "markov" is not allowed; use "letters" or "behaviour"`},
		{"no kind", edit(lettersFile, "kind = \"letters\"\n", ""), "a.toml: kind: is missing"},
		{"label", edit(lettersFile, "From-Normal-TCP-HTTP-Radio-1", "Radio"), `line 2: label: "Radio" has no class (field 2)`},
		{"label too long", edit(lettersFile, "Radio", strings.Repeat("o", 128)), "line 2: label: 151 bytes are too many; at most 128"},
		{"protocol", edit(lettersFile, `"tcp"`, `"t c p"`), `line 4: protocol: "t c p" contains ' '; name the protocol as argus does`},
		{"no protocol", edit(lettersFile, `"tcp"`, `""`), "line 4: protocol: is missing; name it as argus does"},
		{"infinite", edit(lettersFile, "1.1", "inf"), "line 6: threshold: +Inf is not allowed; use a finite number"},
		{"letters", edit(lettersFile, "88,", "8Q,"), `line 8: letters: letter 2 is 'Q'; allowed are 1-9 a-i A-I r-z R-Z . , + * 0 #`},
		{"too many letters", edit(lettersFile, "88,", strings.Repeat("8", MaxLetters+1)), "line 8: letters: 131083 letters are too many"},
		{"day", edit(lettersFile, "2025-11-24", "2025-11-24T10:00:00Z"),
			"line 16: provenance.learned: the time 2025-11-24T10:00:00Z is not allowed; use a day such as 2025-11-24, without quotes"},
		{"quoted day", edit(lettersFile, "2025-11-24", `"2025-11-24"`), `line 16: provenance.learned: "2025-11-24" is not allowed`},
		{"impossible day", edit(lettersFile, "2025-11-24", "2025-02-30"), "line 16"},
		{"time of day", edit(lettersFile, "2025-11-24", "00:00:00"), "provenance.learned: 0000-01-01 00:00:00 +0000 UTC is not a day in UTC"},
		{"text of two lines", edit(lettersFile, `"CC0-1.0"`, `"a\nb"`), "line 7: licence: is not plain text; allowed is one line"},
		{"duration without unit", edit(table, `"2s"`, "2"), `line 6: behaviour.merge: 2 is not allowed; use a string of numbers with units, such as "5s"`},
		{"negative duration", edit(table, `"2s"`, `"-2s"`), "line 6: behaviour.merge: -2s is not allowed; use 0s to 1h"},
		{"gap", edit(table, `"1h"`, `"999h"`), "line 8: behaviour.max_gap: 999h0m0s is not allowed"},
		{"gaps crossed", edit(table, `"1h"`, `"1ms"`), "line 8: behaviour.max_gap: 1ms is not allowed; use more than 0s, not less than min_gap, up to 720h"},
		{"contacts", edit(table, "= 3", "= 33"), "line 5: behaviour.min_contacts: 33 is not allowed; use 3 to 32"},
		{"contacts beyond all numbers", edit(table, "= 3", "= 4294967299"), "behaviour.min_contacts: 2147483647 is not allowed"},
		{"spread", edit(table, "= 1\n", "= nan\n"), "line 9: behaviour.max_gap_spread: NaN is not allowed; use 0 to 1"},
		{"spread of sizes", edit(table, "0.25", "-0.25"), "line 10: behaviour.max_size_spread: -0.25 is not allowed; use 0 to 1"},
		{"port", table + "not_ports = [53, 65536]", "line 11: behaviour.not_ports: a list is not allowed; use a list of ports from 0 to 65535"},
		{"ports", table + "not_ports = [" + strings.Repeat("1,", 257) + "]", "line 11: behaviour.not_ports: 257 ports are too many; at most 256"},
		{"threshold of a behaviour", edit(table, "[beh", "threshold = 0\n[beh"), `line 4: threshold: is of no use in a model of kind "behaviour" without letters`},
		{"letters of a behaviour", edit(table, "[beh", "threshold = 21\nletters = '88,'\n[beh"), `line 4: threshold: 21 is not allowed in a model of kind "behaviour"; use more than 0, up to 20`},
		{"sizes", table + "min_size = 5\nmax_size = 4", "line 12: behaviour.max_size: 4 is not allowed"},
		{"evidence", table + "evidence = 11", "line 11: behaviour.evidence: 11 is not allowed; use 0 to 10"},
		{"destinations", table + "destinations = ['1.2.3.4']", "line 11: behaviour.destinations: a list is not allowed; use a list of networks"},
		{"behaviour of letters", lettersFile + "[behaviour]\n", `line 17: behaviour: is not allowed in a model of kind "letters"`},
		{"no limits", edit(table, "merge = \"2s\"\n", ""), "behaviour.merge: is missing"},
		{"several tables", edit(table, "[behaviour]", "[[behaviour]]"), "line 4: behaviour: a list is not allowed; use a table: [behaviour]"},
		{"twice", edit(lettersFile, "kind", "class"), `line 5`},
		{"no TOML", "these are\nthe models", "line 1"},
		{"empty", "", "a.toml: label: is missing"},
		{"binary", "\x00\x01\x02", "line 1"},
		{"too large", lettersFile + strings.Repeat("#", MaxFileSize), "larger than 512 KiB"},
		{"nested lists", "a = " + strings.Repeat("[", 1000), "more tables, lists or keys than any model has"},
		{"nested tables", "a = " + strings.Repeat("{a=", 1000), "more tables, lists or keys than any model has"},
		{"many keys", strings.Repeat("a=1\n", 1000), "more tables, lists or keys than any model has"},
		{"key of dots", strings.Repeat("a.", 1000) + "a = 1", "a key with more dots than any key of a model has"},
		{"table of dots", "x=1\r[" + strings.Repeat("a.", 1000) + "a]", "a key with more dots than any key of a model has"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Read(strings.NewReader(tt.data), "a.toml")
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "read model a.toml: ") {
				t.Errorf("error %v\nwant %s", err, tt.want)
			}
			checkRead(t, m, err)
		})
	}
}

func TestReadFails(t *testing.T) {
	broken := errors.New("the disk is on fire")
	if _, err := Read(iotest.ErrReader(broken), "a.toml"); !errors.Is(err, broken) {
		t.Errorf("TOML: error %v", err)
	}
	if _, err := ImportSTFM(iotest.ErrReader(broken), "a.stfm"); !errors.Is(err, broken) {
		t.Errorf("stfm: error %v", err)
	}
}

func TestWriteGolden(t *testing.T) {
	m := Model{
		Label: "From-Botnet-TCP-HTTP-Test.CC-1", Class: ClassMalicious, Kind: KindLetters, Proto: "TCP", Threshold: 2.0000000000000004,
		Letters: strings.Repeat("88,h,H,", 20), Licence: "GPL-2.0", Data: `a "lab" of C:\`, Tool: "t",
		Learned: time.Date(2016, 2, 29, 0, 0, 0, 0, time.UTC),
	}
	const want = `label = "From-Botnet-TCP-HTTP-Test.CC-1"
class = "malicious"
protocol = "TCP"
kind = "letters"
licence = "GPL-2.0"
threshold = 2.0000000000000004
letters = '''
88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,8
8,h,H,88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,88,h,H,
'''

[provenance]
data = "a \"lab\" of C:\\"
tool = "t"
learned = 2016-02-29
`
	var b bytes.Buffer
	if err := Write(&b, m); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
	b.Reset()
	b2 := Model{Label: "From-Botnet-UDP-X-1", Class: ClassMalicious, Kind: KindBehaviour, Behaviour: &Behaviour{
		MinContacts: 24, Merge: 500 * time.Millisecond, MinGap: 90 * time.Second, MaxGap: 24 * time.Hour, MaxGapSpread: 0.1,
		MaxSize: 9000, Evidence: 2, Ports: []uint16{80}, Destinations: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")},
		NotPorts: []uint16{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}}}
	if err := Write(&b, b2); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(`label = "From-Botnet-UDP-X-1"
class = "malicious"
kind = "behaviour"

[behaviour]
min_contacts = 24
merge = "500ms"
min_gap = "1m30s"
max_gap = "24h"
max_gap_spread = 0.1
max_size_spread = 0
max_size = 9000
evidence = 2
ports = [
    80,
]
not_ports = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
    13,
]
destinations = [
    "203.0.113.0/24",
]
`, b.String()); d != "" {
		t.Error(d)
	}
}

func TestWriteRefuses(t *testing.T) {
	good, err := Read(strings.NewReader(lettersFile), "a.toml")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Model){
		"letters":            func(m *Model) { m.Letters = "88'''\nclass = 1" },
		"label":              func(m *Model) { m.Label = "From-Normal-TCP\"\nx" },
		"protocol":           func(m *Model) { m.Proto = "\"" },
		"threshold":          func(m *Model) { m.Threshold = math.NaN() },
		"behaviour":          func(m *Model) { m.Kind, m.Threshold, m.Letters = KindBehaviour, 0, "" },
		"provenance.data":    func(m *Model) { m.Data = "a\nb" },
		"provenance.tool":    func(m *Model) { m.Tool = "\xff" },
		"licence":            func(m *Model) { m.Licence = strings.Repeat("x", MaxText+1) },
		"provenance.learned": func(m *Model) { m.Learned = m.Learned.Add(time.Second) },
	} {
		m := good
		change(&m)
		var b bytes.Buffer
		if err := Write(&b, m); err == nil || !strings.Contains(err.Error(), name+": ") || b.Len() > 0 {
			t.Errorf("%s: error %v, %d bytes written", name, err, b.Len())
		}
	}
	if err := Write(closedWriter{}, good); !errors.Is(err, os.ErrClosed) {
		t.Errorf("to a file that is closed: error %v", err)
	}
}

type closedWriter struct{}

func (closedWriter) Write([]byte) (int, error) { return 0, os.ErrClosed }

// anyModel draws valid models of both kinds.
func anyModel(t *rapid.T) Model {
	plain := rapid.StringMatching(`[ -~äß日]{0,40}`)
	field := rapid.StringMatching(`[A-Za-z0-9._:+/@]{1,12}`)
	m := Model{
		Class: rapid.SampledFrom([]Class{ClassMalicious, ClassNormal}).Draw(t, "class"),
		Proto: rapid.StringMatching(`[A-Za-z0-9/._+-]{1,32}`).Draw(t, "protocol"),
		Data:  plain.Draw(t, "data"), Tool: plain.Draw(t, "tool"), Licence: plain.Draw(t, "licence"),
		File: "any.toml",
	}
	second := map[Class]string{ClassMalicious: "Botnet", ClassNormal: "normal"}[m.Class]
	m.Label = field.Draw(t, "origin") + "-" + second + "-" + field.Draw(t, "rest") + rapid.StringMatching(`(-[A-Za-z0-9.]{0,9}){0,5}`).Draw(t, "more")
	if rapid.Bool().Draw(t, "known day") {
		m.Learned = time.Unix(86400*rapid.Int64Range(1, 90000).Draw(t, "day"), 0).UTC()
	}
	if rapid.Bool().Draw(t, "letters model") {
		m.Kind = KindLetters
		m.Threshold = rapid.Float64().Draw(t, "threshold")
		m.Letters = rapid.StringOfN(rapid.RuneFrom([]rune(Alphabet)), 0, 400, -1).Draw(t, "letters")
		return m
	}
	m.Kind = KindBehaviour
	if rapid.Bool().Draw(t, "any protocol") {
		m.Proto = ""
	}
	gap := rapid.Int64Range(1, int64(maxGap))
	a, b := time.Duration(gap.Draw(t, "gap")), time.Duration(gap.Draw(t, "gap"))
	m.Behaviour = &Behaviour{
		MinContacts: rapid.IntRange(minContactsFloor, MaxContacts).Draw(t, "contacts"),
		Merge:       time.Duration(rapid.Int64Range(0, int64(maxMerge)).Draw(t, "merge")),
		MinGap:      min(a, b), MaxGap: max(a, b),
		MaxGapSpread:  rapid.Float64Range(0, 1).Draw(t, "gap spread"),
		MaxSizeSpread: rapid.Float64Range(0, 1).Draw(t, "size spread"),
	}
	if rapid.Bool().Draw(t, "ports") {
		m.Behaviour.NotPorts = rapid.SliceOfN(rapid.Uint16(), 1, MaxNotPorts).Draw(t, "not ports")
	}
	return m
}

func TestWriteReadGivesTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := anyModel(t)
		var b bytes.Buffer
		if err := Write(&b, m); err != nil {
			t.Fatal(err)
		}
		got, err := Read(bytes.NewReader(b.Bytes()), "some/any.toml")
		if err != nil {
			t.Fatalf("%v\n%s", err, b.Bytes())
		}
		if d := cmp.Diff(m, got); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(lettersFile))
	f.Add([]byte(behaviourFile))
	builtin, err := filepath.Glob("builtin/*.toml")
	if err != nil || len(builtin) == 0 {
		f.Fatal("no built-in models", err)
	}
	for _, file := range builtin {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("label = [[{a.b = 1979-05-27T07:32:00Z}]]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Read(bytes.NewReader(data), "fuzz.toml")
		checkRead(t, m, err)
	})
}
