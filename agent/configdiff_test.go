package agent

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/models"
	"slips-ips/policy"
)

func TestConfigDiff(t *testing.T) {
	before, after := DefaultConfig(), DefaultConfig()
	if d, err := configDiff(before, after); err != nil || len(d) > 0 {
		t.Fatal(d, err)
	}
	after.Policy.Duration = policy.Duration(2 * time.Hour)
	after.Policy.Rules = append(after.Policy.Rules, policy.Rule{Name: "mine", Action: policy.ActionIgnore})
	after.Agent.Mode = ModeEnforce
	diff, err := configDiff(before, after)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	restart := map[string]bool{}
	for _, c := range diff {
		got = append(got, c.String())
		restart[c.key] = needsRestart(c.key)
	}
	want := []string{
		"agent.mode: dry-run -> enforce",
		"policy.duration: 1h -> 2h",
		"policy.rule[5].action: (none) -> ignore",
		"policy.rule[5].name: (none) -> mine",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !restart["agent.mode"] || restart["policy.duration"] || restart["policy.rule[5].action"] {
		t.Error(restart)
	}
}

func TestNeedsRestart(t *testing.T) {
	for key, want := range map[string]bool{
		"agent.state": true, "source[0].url": true, "enforce.table": true, "metrics.listen": true, "history.keep_days": true,
		"detection.scoring": true, "report.tuples": true, "policyx": true,
		"detection.models": false, "models.folder": false, "protect.networks": false, "report.webhook[0].url": false,
	} {
		if got := needsRestart(key); got != want {
			t.Errorf("%s: %v", key, got)
		}
	}
}

func TestSecretsAreNotTold(t *testing.T) {
	if got := (configChange{"report.webhook[0].headers", "Authorization: a", "Authorization: b"}).told(); got != "report.webhook[0].headers: changed" {
		t.Error(got)
	}
}

func TestModelChanges(t *testing.T) {
	a := models.Model{Label: "A", File: "a.toml", Threshold: 1.5}
	b := models.Model{Label: "B", File: "b.toml"}
	other := a
	other.Threshold = 2
	c := models.Model{Label: "C", File: "c.toml"}
	got := modelChanges([]models.Model{a, b}, []models.Model{other, c})
	want := []string{"models: A (a.toml) has changed", "models: B (b.toml) is gone", "models: C (c.toml) is new"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if got := modelChanges([]models.Model{a, b}, []models.Model{b, a}); len(got) > 0 {
		t.Error(got)
	}
}
