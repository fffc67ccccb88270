package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/policy"
)

// explaining gives an agent that was configured with a file of these rules.
func explaining(t *testing.T, text string, rules []policy.Rule) (operator, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "slips.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, _ := running(t, func(c *Config) { c.Policy.Rules = rules }, nil, beacon(1, 40, time.Minute)...)
	o.reload.loaded(o.cfg, o.reload.modelsNow(), path)
	return o, path
}

func TestExplainNamesTheRuleWithItsLine(t *testing.T) {
	const text = "[policy]\naction = \"block\"\n\n[[policy.rule]]\nprotocol = \"udp\"\n\n[[policy.rule]]\nname = \"only tell\"\n"
	for _, tt := range []struct {
		name string
		rule policy.Rule
		line int
		made bool
	}{
		{"a rule that blocks", policy.Rule{Name: "cut", Label: "From-Generic-*", Action: policy.ActionBlock}, 7, true},
		{"a rule that only tells", policy.Rule{Name: "only tell", Label: "From-Generic-*", Action: policy.ActionAlert}, 7, false},
		{"a rule without a name", policy.Rule{Label: "From-Generic-*", Action: policy.ActionAlert}, 7, false},
		{"no rule", policy.Rule{Name: "other", Label: "From-Other-*", Action: policy.ActionAlert}, 2, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, path := explaining(t, text, []policy.Rule{{Label: "From-Nowhere", Action: policy.ActionAlert}, tt.rule})
			e, err := o.Explain(t.Context(), beaconTuple(1))
			if err != nil || e.Ruling == nil {
				t.Fatalf("%+v, %v", e, err)
			}
			if r := e.Ruling; r.Line != tt.line || r.File != path || r.Made != tt.made || r.Decision.Matches == 0 {
				t.Errorf("%+v, want line %d and made %v", *r, tt.line, tt.made)
			}
			if e.Next.IsZero() || len(e.Budget) != 4 || tt.made != (e.Budget[2].Used == 1) {
				t.Errorf("next %v, budget %+v", e.Next, e.Budget)
			}
			// A line of another text is worse than none.
			future := time.Now().Add(time.Hour)
			if err := os.Chtimes(path, future, future); err != nil {
				t.Fatal(err)
			}
			if e, err := o.Explain(t.Context(), beaconTuple(1)); err != nil || e.Ruling == nil || e.Ruling.Line != 0 {
				t.Errorf("edited since: %+v, %v", e.Ruling, err)
			}
		})
	}
}

func TestExplainSaysWhatProtects(t *testing.T) {
	o, _ := explaining(t, "", nil)
	if _, err := o.AddAllow(t.Context(), root, control.Allow{Network: "203.0.113.9", Comment: "our monitoring"}); err != nil {
		t.Fatal(err)
	}
	e, err := o.Explain(t.Context(), beaconTuple(1))
	if err != nil || e.Block != nil || e.Ruling == nil || e.Ruling.Decision.Cause != policy.CauseProtected || !strings.Contains(e.Protected, "our monitoring") ||
		len(e.Ruling.Missing) != 1 || !strings.Contains(e.Ruling.Missing[0], "our monitoring") {
		t.Errorf("%+v, %v", e, err)
	}
}
