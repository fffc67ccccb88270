package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "7d": 7 * day, "1d12h": 36 * time.Hour, "1.5d": 36 * time.Hour, "0s": 0, "-1d": -day,
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || time.Duration(d) != want {
			t.Errorf("%q: %v, %v", text, d, err)
		}
		again := Duration(1)
		if b, err := d.MarshalText(); err != nil || again.UnmarshalText(b) != nil || again != d {
			t.Errorf("%q is written as %s", text, b)
		}
	}
	for _, text := range []string{"", "7", "d", "7days", "1d-1h", "-1d1h", "1d+1h", "1h1d", "1e9d", "NaNd", "7 d"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil || !strings.Contains(err.Error(), `"7d"`) {
			t.Errorf("%q: %v, %v", text, d, err)
		}
	}
}

// New keys with values that make no sense: what is said.
func TestValidateNewKeys(t *testing.T) {
	for text, want := range map[string]string{
		"score = 2.0":                                     "score: 2 is not allowed; use a probability, 0 to 1",
		"score = nan":                                     "score: NaN is not allowed; use a probability, 0 to 1",
		"flows = -1":                                      "flows: -1 is not allowed; use 0 to 1000000",
		"grace = \"-1s\"":                                 `grace: -1s is not allowed; use "0s" to "30d", with the unit`,
		"longest = \"30m\"":                               "longest: 30m is shorter than the duration of 1h; use one that is not",
		"repeat = [\"6h\", \"1h\"]":                       "repeat: 1h comes after 6h; a later block is never shorter, so write them in order",
		"jitter = 1.5":                                    "jitter: 1.5 is not allowed; use 0 to 1",
		"timezone = \"Mars/Base\"":                        `timezone: "Mars/Base" is not known here; use "local", "UTC" or a name such as "Europe/Berlin" (Debian's package tzdata has them)`,
		"[policy.budget]\nreserve = 1.0":                  "budget.reserve: 1 is not allowed; use 0 to 0.9",
		"[policy.budget]\nper_minute = -1":                "budget.per_minute: -1 is not allowed; use 0 to 1000000",
		rule + "below = 0.5\nabove = 0.5":                 "rule[0].above: 0.5 with below = 0.5 fits nothing; use a smaller one",
		rule + "score = -0.1":                             "rule[0].score: -0.1 is not allowed; use a probability, 0 to 1",
		rule + "duration = \"2h\"\nlongest = \"1h\"":      "rule[0].longest: 1h is shorter than the duration of 2h; use one that is not",
		"longest = \"2h\"\n" + rule + "duration = \"3h\"": "rule[0].duration: 3h is longer than the longest of [policy], 2h; use a shorter one or give the rule a longest too",
		alert + "scope = \"pair\"":                        `rule[0].scope: only a rule with action = "block" has one, this one says "alert"`,
		alert + "verdict = \"drop\"":                      `rule[0].verdict: only a rule with action = "block" has one, this one says "alert"`,
		// What the toml package says itself, with the line.
		rule + "scope = \"host\"":         `"host" is not allowed; use tuple, pair, destination or source`,
		rule + "verdict = \"accept\"":     `"accept" is not allowed; use drop or reject`,
		rule + "direction = \"in\"":       `"in" is not allowed; use outbound, inbound, internal, external (no end at home) or router (this host itself)`,
		rule + "direction = []":           "the list is empty; use outbound",
		rule + "hours = \"8-18\"":         `"8-18" is not allowed; use a time of the day ("08:00-18:00", over midnight "22:00-06:00"), or a list of them`,
		rule + "hours = \"08:00-08:00\"":  `"08:00-08:00" is not allowed`,
		rule + "hours = \"24:00-08:00\"":  `"24:00-08:00" is not allowed`,
		rule + "days = \"someday\"":       `"someday" is not allowed; use mon, tue, wed, thu, fri, sat or sun, or a list of them`,
		rule + "behaviour = \"beacon-[\"": `"beacon-[" is no pattern`,
		rule + "feed = \"\"":              "empty; use",
		"longest = \"1 week\"":            `invalid duration: "1 week"; use a number with its unit (s, m, h, d)`,
		"home = [\"192.0.2.0/33\"]":       `"192.0.2.0/33" is not allowed: /33; use 0 to 32 bits`,
		"repeat = [\"1h\", 5]":            `invalid duration: "5"`,
	} {
		_, err := decode("[policy]\n" + text + "\n")
		if err == nil {
			c, _ := decode("[policy]\n" + text + "\n")
			err = c.Policy.Validate()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

const (
	rule  = "[[policy.rule]]\naction = \"block\"\n"
	alert = "[[policy.rule]]\naction = \"alert\"\n"
)

// A configuration that is printed reads like one that was written.
func TestDurationsInTOML(t *testing.T) {
	var text strings.Builder
	if err := toml.NewEncoder(&text).Encode(DefaultConfig()); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`longest = "30d"`, `repeat = ["6h", "24h", "7d"]`, `grace = "0s"`, `duration = "1h"`} {
		if !strings.Contains(text.String(), line+"\n") {
			t.Errorf("no %s in\n%s", line, &text)
		}
	}
}
