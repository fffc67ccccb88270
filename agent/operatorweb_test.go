package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/web"
	"slips-ips/policy"
)

// What the page shows of models and configuration is what is in force, and nothing
// that is secret.
func TestWebAgent(t *testing.T) {
	o, _ := running(t, func(c *Config) {
		c.Policy.Duration = policy.Duration(42 * time.Minute)
		c.Report.EVE.Path = filepath.Join(t.TempDir(), "secret", "place")
	}, nil, beacon(1, 40, time.Minute)...)
	all, err := o.Models(t.Context())
	if err != nil || len(all) != len(o.detector.Models()) || all[0].Label == "" || all[0].Class == "" {
		t.Errorf("%d models, %v", len(all), err)
	}
	c, err := o.Configuration(t.Context())
	if err != nil || !strings.Contains(c.Text, `duration = "42m`) || !strings.Contains(c.Text, "[protect]") || strings.Contains(c.Text, "secret") || c.Loaded.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
	if _, wrong := ParseConfig([]byte(c.Text)); len(wrong) > 0 { // it may be pasted back
		t.Errorf("what is shown is no configuration: %v", wrong)
	}
	by := history.Who{UID: history.NoUser, User: "anna", Token: "anna"}
	if got := whoText(by); got != "anna (token of the web page)" {
		t.Errorf("%q", got)
	}
}

// Where the page cannot be served as it was asked for, the agent does not start.
func TestWebRefused(t *testing.T) {
	c := testConfig()
	c.Web = web.Config{Listen: "127.0.0.1:9561", Tokens: filepath.Join(t.TempDir(), "none")}
	if _, err := New(Options{Config: c}); err == nil || !strings.Contains(err.Error(), "tokens of the web page") {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(c.Web.Tokens, []byte("anna change short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{Config: c}); err == nil || !strings.Contains(err.Error(), "none:1: the token of anna") {
		t.Errorf("a short token: %v", err)
	}
}
