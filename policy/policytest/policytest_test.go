package policytest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/policy"
)

func run(t *testing.T, text string) []Result {
	t.Helper()
	f, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c := policy.DefaultConfig()
	c.Timezone = "UTC"
	results, err := Run(c, policy.DefaultProtectConfig(), time.Minute, f)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// A case that fails says what is different, and why the policy decided so.
func TestDifferences(t *testing.T) {
	r := run(t, `# a comment
[[case]]
name = "wrong in every way"
matches = 2
[case.detection]
tuple = "10.0.0.5-192.0.2.1-443-tcp"
[case.expect]
action = "block"
rule = "other"
cause = "confirmed"
scope = "pair"
verdict = "drop"
direction = "inbound"
duration = "2h"
reason = ["match 2 of 3", "because"]

[[case]]
detection = { tuple = "10.0.0.5-192.0.2.1-443-tcp" }
expect = { action = "alert" }
`)
	d := r[0].Decision
	want := []Difference{
		{"action", "block", "alert"}, {"rule", "other", "default"}, {"cause", "confirmed", "unconfirmed"}, {"scope", "pair", "none"},
		{"verdict", "drop", "none"}, {"direction", "inbound", "outbound"}, {"duration", "2h", "none"}, {"reason", "... because ...", d.Reason},
	}
	if diff := cmp.Diff(want, r[0].Differences); diff != "" || r[0].OK || r[0].Line != 2 {
		t.Errorf("line %d: %s", r[0].Line, diff)
	}
	if !r[1].OK || r[1].Line != 17 || r[1].Name != "case 2" || Failed(r) != 1 {
		t.Errorf("%+v", r[1])
	}
}

// Jitter makes a repeated block longer: what is expected is what is written.
func TestJitterIsNoDifference(t *testing.T) {
	const text = `[[case]]
matches = 3
detection = { tuple = "10.0.0.5-192.0.2.1-443-tcp" }
given = { blocked = 2 }
expect = { duration = "DURATION" }
`
	for duration, want := range map[string]bool{"24h": true, "1d": true, "30h": false, "20h": false, "7d": false} {
		if r := run(t, strings.Replace(text, "DURATION", duration, 1)); r[0].OK != want {
			t.Errorf("%s: %v: %+v", duration, r[0].OK, r[0].Differences)
		}
	}
}

func TestMistakes(t *testing.T) {
	const fine = "detection = { tuple = \"10.0.0.5-192.0.2.1-443-tcp\" }\nexpect = { action = \"alert\" }\n"
	for text, want := range map[string]string{
		"":                              "there is no [[case]] in it",
		"[[case]]\nmatchs = 3\n" + fine: "case.matchs: unknown key",
		"[[case]]\nname = \"x\"\nexpect = { action = \"alert\" }\n":                                             `line 1: case 1 (x): detection.tuple: "" is no tuple; use source-destination-port-protocol`,
		"[[case]]\ndetection = { tuple = \"a-b-1-tcp\" }\n":                                                     `detection.tuple: "a" is no IP address`,
		"[[case]]\ndetection = { tuple = \"10.0.0.5-192.0.2.1-443-tcp\" }\n":                                    "it expects nothing",
		"[[case]]\n" + fine + "\n[[case]]\nmatches = -1\n" + fine:                                               "line 5: case 2 (): matches: -1 is not allowed; use 1 to 1000",
		"[[case]]\nat = \"noon\"\n" + fine:                                                                      `at: "noon" is no time; use "2026-03-02 14:30"`,
		"[[case]]\nexpect = { action = \"deny\" }\n":                                                            `line 2: case.expect.action: "deny" is not allowed; use block, alert or ignore`,
		"[[case]]\ngiven = { protected = { friends = \"10.0.0.1\" } }\n" + fine:                                 `given.protected: "friends" is not known; use gateway, resolver`,
		"[[case]]\ndetection = { tuple = \"10.0.0.5-192.0.2.1-443-tcp\", probability = 0.5, distance = 1.0 }\n": "use one",
		"[[case]": "line 1",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// Whatever a file says, it is refused or answered.
func FuzzParse(f *testing.F) {
	f.Add([]byte("[[case]]\nmatches = 3\nat = \"2026-03-02 23:00\"\n[case.detection]\ntuple = \"10.0.0.5-192.0.2.1-443-tcp\"\ngap = \"1h\"\n[case.given]\nown = \"10.0.0.5\"\n[case.expect]\naction = \"block\"\n"))
	f.Add([]byte("[[case]]\ndetection = { tuple = \"::1-::2-0x1-icmp\", distance = nan }\nexpect = { reason = [1] }\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse(data)
		if err != nil {
			return
		}
		results, err := Run(policy.DefaultConfig(), policy.DefaultProtectConfig(), time.Minute, file)
		if err != nil || len(results) != len(file.Cases) {
			t.Fatalf("%d results of %d: %v", len(results), len(file.Cases), err)
		}
		for _, r := range results {
			if r.OK != (len(r.Differences) == 0) || r.Decision.Reason == "" {
				t.Fatalf("%+v", r)
			}
		}
	})
}
