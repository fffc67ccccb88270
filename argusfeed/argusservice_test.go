package argusfeed

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slips-ips/internal/testenv"
)

// settings gives the lines of a configuration that set one of these names.
func settings(conf string, names ...string) []string {
	var got []string
	for line := range strings.Lines(conf) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), "=")
		for _, n := range names {
			if ok && name == n {
				got = append(got, strings.TrimSpace(line))
			}
		}
	}
	return got
}

func TestServiceConf(t *testing.T) {
	names := []string{"ARGUS_INTERFACE", "ARGUS_ACCESS_PORT", "ARGUS_BIND_IP", "ARGUS_SETUSER_ID", "ARGUS_FLOW_STATUS_INTERVAL"}
	for _, test := range []struct {
		name, own string
		want      []string
	}{
		{
			"nothing of the admin's", "# a comment\n#ARGUS_INTERFACE=lan9\n",
			[]string{`ARGUS_ACCESS_PORT=9561`, `ARGUS_BIND_IP="127.0.0.1"`, "ARGUS_FLOW_STATUS_INTERVAL=0.25", "ARGUS_INTERFACE=eth0"},
		},
		{
			"the admin's come in place of ours", "ARGUS_INTERFACE=lan0\n ARGUS_FLOW_STATUS_INTERVAL=5",
			[]string{`ARGUS_ACCESS_PORT=9561`, `ARGUS_BIND_IP="127.0.0.1"`, "ARGUS_INTERFACE=lan0", "ARGUS_FLOW_STATUS_INTERVAL=5"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := parseServiceConf("argus.conf", test.own)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, settings(c.whole([]string{"eth0"}), names...)); diff != "" {
				t.Errorf("the configuration differs (-want +got):\n%s", diff)
			}
		})
	}
}

// Each form of argus.conf(5).
func TestServiceConfInterfaces(t *testing.T) {
	for _, test := range []struct {
		own   string
		named []string
		all   bool
	}{
		{"", nil, false},
		{"! argus takes this for a comment\n\n", nil, false},
		{"ARGUS_INTERFACE=lan0", []string{"lan0"}, false},
		{` ARGUS_INTERFACE="lan0" `, []string{"lan0"}, false},
		{"ARGUS_INTERFACE=any", nil, true},
		{"ARGUS_INTERFACE=ind:all", nil, true},
		{"ARGUS_INTERFACE=ind:en0/192.168.0.68,en2/192.168.2.1", []string{"en0", "en2"}, false},
		{`ARGUS_INTERFACE=ind:en0/"en0",en2/19234`, []string{"en0", "en2"}, false},
		{"ARGUS_INTERFACE=dup:[en0,en1]/srcid", []string{"en0", "en1"}, false},
		{"ARGUS_INTERFACE=lan0\nARGUS_INTERFACE=lan1", []string{"lan0", "lan1"}, false},
	} {
		c, err := parseServiceConf("argus.conf", test.own)
		if err != nil || !slices.Equal(c.named, test.named) || c.all != test.all {
			t.Errorf("%q: %q, all %v (%v), want %q, %v", test.own, c.named, c.all, err, test.named, test.all)
		}
	}
}

// What argus would pass over in silence, or take for something else.
func TestServiceConfMistakes(t *testing.T) {
	for own, want := range map[string]string{
		"# fine\nlan0\n":                 `argus.conf, line 2: "lan0" is no setting; write NAME=VALUE`,
		"INTERFACE=lan0":                 `line 1: "INTERFACE=lan0" is no setting`,
		"ARGUS_INTERFACE lan0":           `line 1: "ARGUS_INTERFACE lan0" is no setting`,
		"\n\nARGUS_INTERFAC=lan0":        "line 3: argus has no setting ARGUS_INTERFAC; argus.conf(5) lists them",
		"ARGUS_INTERFACE =lan0":          "line 1: argus has no setting ARGUS_INTERFACE ;",
		"ARGUS_INTERFACE=\n":             "line 1: it names no interface",
		"ARGUS_DAEMON=no\n[Service]\n\n": `line 2: "[Service]" is no setting`,
	} {
		if _, err := parseServiceConf("argus.conf", own); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", own, err, want)
		}
	}
}

// The names are those of argus itself.
func TestServiceConfNames(t *testing.T) {
	program, err := os.ReadFile(testenv.Program(t, "argus"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`\x00ARGUS_([A-Z_]+)=\x00`).FindAllSubmatch(bytes.ReplaceAll(program, []byte{0}, []byte{0, 0}), -1) {
		want = append(want, string(m[1]))
	}
	slices.Sort(want)
	got := slices.Sorted(slices.Values(settingNames))
	if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
		t.Errorf("argus knows others (-argus +ours):\n%s", diff)
	}
}
