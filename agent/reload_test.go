package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/report"
	"slips-ips/argusfeed"
	"slips-ips/enforce"
	"slips-ips/internal/testenv"
	"slips-ips/models"
	"slips-ips/policy"
)

func TestReloadIsAllOrNothing(t *testing.T) {
	next, broken := Config{}, error(nil)
	o, book := running(t, func(c *Config) { next = *c }, func() (Config, error) { return next, broken }, beacon(1, 40, time.Minute)...)
	next = o.cfg
	reload := func(r control.ReloadRequest) (control.ReloadResult, error) {
		return o.Reload(t.Context(), root, r)
	}
	if r, err := reload(control.ReloadRequest{}); err != nil || len(r.Changes) != 0 || len(r.Unwanted) != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	before := o.decider.engine
	for _, tt := range []struct {
		name, want string
		change     func()
	}{
		{"unreadable", "no such file", func() { broken = errors.New("no such file") }},
		{"invalid", "policy.matches", func() { next.Policy.Matches = 0 }},
		{"no models", "none of its files is a model", func() { next.Detection.Models = t.TempDir(); next.Policy.Matches = 2 }},
		{"restart", "agent.mode: dry-run -> enforce: cannot change while the agent runs", func() { next.Agent.Mode = ModeEnforce; next.Policy.Matches = 2 }},
		{"report", "secret", func() {
			next.Policy.Matches = 2
			next.Report.EVE.Path = "relative"
		}},
	} {
		next, broken = o.cfg, nil
		tt.change()
		if _, err := reload(control.ReloadRequest{}); err == nil || tt.name != "report" && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
		if o.decider.engine != before || o.reload.config().Policy.Matches != o.cfg.Policy.Matches {
			t.Errorf("%s: something changed", tt.name)
		}
		if s := o.Status(); s.Config.Failed == "" || len(s.Problems) != 1 || s.Config.Reloads != 1 {
			t.Errorf("%s: the status says %+v, %+v", tt.name, s.Config, s.Problems)
		}
	}
	if n := len(book.find("the reload changed nothing")); n != 5 {
		t.Errorf("told %d times", n)
	}
	// A check changes nothing either, but tells.
	next, broken = o.cfg, nil
	next.Policy.Duration = policy.Duration(2 * time.Hour)
	r, err := reload(control.ReloadRequest{Check: true})
	if err != nil || len(r.Changes) != 1 || r.Changes[0] != "policy.duration: 1h -> 2h" || o.decider.engine != before {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = reload(control.ReloadRequest{}); err != nil || len(r.Changes) != 1 || o.decider.engine == before {
		t.Errorf("%+v, %v", r, err)
	}
	if s := o.Status(); s.Config.Failed != "" || len(s.Problems) != 0 || s.Config.Reloads != 2 {
		t.Errorf("the status says %+v, %+v", s.Config, s.Problems)
	}
	if got := book.find("reloaded"); len(got) != 2 || !strings.Contains(got[1].attrs["changes"], "policy.duration") {
		t.Errorf("%v", got)
	}
}

// What is not of the stages changes without them: the pipeline goes on meanwhile.
func TestReloadLeavesTheStagesAlone(t *testing.T) {
	var next Config
	o, _ := running(t, nil, func() (Config, error) { return next, nil })
	before := o.decider.engine
	for _, tt := range []struct {
		name   string
		change func()
		stages bool
	}{
		{"nothing", func() {}, false},
		{"what is protected", func() {
			if err := next.Protect.Networks.UnmarshalTOML([]any{"192.0.2.0/24"}); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"a report", func() { next.Report.Sound.Enabled, next.Report.Sound.Player = true, report.PlayerBell }, false},
		{"the policy", func() { next.Policy.Duration = policy.Duration(2 * time.Hour) }, true},
		{"the width of windows, which the policy counts", func() { next.Detection.Width = 2 * time.Minute }, true},
	} {
		next = o.reload.config()
		tt.change()
		r, err := o.Reload(t.Context(), root, control.ReloadRequest{})
		if err != nil || (len(r.Changes) == 0) != (tt.name == "nothing") {
			t.Errorf("%s: %+v, %v", tt.name, r, err)
		}
		if changed := o.decider.engine != before; changed != tt.stages {
			t.Errorf("%s: the policy is another one: %v", tt.name, changed)
		}
		before = o.decider.engine
	}
	if why, refused := o.hosts.snapshot().Refuses(argusfeed.Tuple{Src: argusfeed.AddrFrom4([4]byte{192, 0, 2, 1})}, policy.ScopeTuple); !refused {
		t.Errorf("it is not protected: %s", why)
	}
}

// Blocks that the new policy would not make are listed, and lifted on request only.
func TestReloadListsUnwantedBlocks(t *testing.T) {
	var next Config
	o, _ := running(t, nil, func() (Config, error) { return next, nil }, beacon(1, 40, time.Minute)...)
	next = o.cfg
	byHand := beaconTuple(50)
	if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: byHand, Duration: time.Hour}); err != nil {
		t.Fatal(err)
	}
	next.Policy.Rules = []policy.Rule{{Name: "only tell", Label: "From-Generic-*", Action: policy.ActionAlert}}
	for i, lift := range []bool{false, true} {
		r, err := o.Reload(t.Context(), root, control.ReloadRequest{Lift: lift})
		if err != nil || len(r.Unwanted) != 1 || r.Unwanted[0].Block.Tuple != beaconTuple(1) || r.Lifted != lift {
			t.Fatalf("lift %v: %+v, %v", lift, r, err)
		}
		if !strings.Contains(r.Unwanted[0].Why, "only tell") {
			t.Errorf("the reason is %q", r.Unwanted[0].Why)
		}
		if n := o.enforcer.Len(); n != 2-i {
			t.Errorf("lift %v: %d blocks are left", lift, n)
		}
	}
	if _, ok := o.enforcer.Lookup(byHand); !ok {
		t.Error("what a person blocked was lifted")
	}
	testenv.Until(t, "the end is in the history", func() bool {
		page, err := o.Events(t.Context(), history.Query{Kinds: []history.Kind{history.KindLift}})
		return err == nil && len(page.Events) == 1 && page.Events[0].Block.End == history.EndPolicy
	})
}

// Models and [protect] are put in force, and tuples are not forgotten.
func TestReloadOfModelsAndProtect(t *testing.T) {
	dir := t.TempDir()
	set, err := models.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	write := func(m models.Model) {
		t.Helper()
		f, err := os.Create(filepath.Join(dir, m.File))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := models.Write(f, m); err != nil {
			t.Fatal(err)
		}
	}
	var some []models.Model
	for _, m := range set {
		if m.Kind == models.KindBehaviour {
			some = append(some, m)
		}
	}
	write(some[0])
	var next Config
	o, _ := running(t, func(c *Config) { c.Detection.Models = dir }, func() (Config, error) { return next, nil }, beacon(1, 40, time.Minute)...)
	next = o.cfg
	write(some[1])
	var n policy.Network
	if err := n.UnmarshalText([]byte("203.0.113.0/24 our servers")); err != nil {
		t.Fatal(err)
	}
	next.Protect.Networks = policy.Networks{n}
	blocked := o.enforcer.Len()
	r, err := o.Reload(t.Context(), root, control.ReloadRequest{})
	if err != nil || len(r.Changes) != 2 {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, want := range []string{"protect.networks", "models: " + some[1].Label} {
		if !strings.Contains(strings.Join(r.Changes, "\n"), want) {
			t.Errorf("%q is not among %q", want, r.Changes)
		}
	}
	if s := o.Status(); s.Detection.Models != 2 {
		t.Errorf("%d models", s.Detection.Models)
	}
	list, err := o.allTuples(t.Context(), control.TupleQuery{})
	if err != nil || list.Known != 1 || list.Tuples[0].Flows != 40 {
		t.Errorf("%+v, %v", list, err)
	}
	if blocked != 1 || o.enforcer.Len() != 0 {
		t.Errorf("%d blocks before, %d after [protect] covers them", blocked, o.enforcer.Len())
	}
	// What it lifts at once is told, as it was.
	if len(r.Protected) != 1 || r.Protected[0].Block.State != enforce.StateWouldBlock || !strings.Contains(r.Protected[0].Why, "our servers") {
		t.Errorf("protected: %+v", r.Protected)
	}
}

// What [protect] would lift a check tells, blocks by hand included, and lifts nothing.
func TestReloadCheckTellsProtected(t *testing.T) {
	var next Config
	o, _ := running(t, nil, func() (Config, error) { return next, nil })
	next = o.cfg
	if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: beaconTuple(9), Duration: time.Hour}); err != nil {
		t.Fatal(err)
	}
	var n policy.Network
	if err := n.UnmarshalText([]byte("203.0.9.0/24")); err != nil {
		t.Fatal(err)
	}
	next.Protect.Networks = policy.Networks{n}
	r, err := o.Reload(t.Context(), root, control.ReloadRequest{Check: true})
	if err != nil || len(r.Protected) != 1 || r.Protected[0].Block.Tuple != beaconTuple(9) || len(r.Unwanted) != 0 || o.enforcer.Len() != 1 {
		t.Errorf("%+v, %v, %d blocks", r, err, o.enforcer.Len())
	}
}

// The allow list is part of all or nothing: a bad one is found by a check, and
// where something else is wrong a good one is not put in force.
func TestReloadOfTheAllowList(t *testing.T) {
	next, broken := Config{}, error(nil)
	o, _ := running(t, nil, func() (Config, error) { return next, broken })
	next = o.cfg
	path := filepath.Join(o.cfg.Agent.State, "allow.json")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("{")
	for _, check := range []bool{true, false} {
		if _, err := o.Reload(t.Context(), root, control.ReloadRequest{Check: check}); err == nil || !strings.Contains(err.Error(), "allow.json") {
			t.Errorf("check %v: %v", check, err)
		}
	}
	write(`{"version": 1, "entries": [{"network": "198.51.100.0/24"}]}`)
	// Valid, and found not to work only when it is opened.
	empty := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	next.Report.Webhooks = []report.WebhookConfig{{Name: "a", URL: "https://127.0.0.1/", TokenFile: empty}}
	if _, err := o.Reload(t.Context(), root, control.ReloadRequest{}); err == nil {
		t.Error("reloaded")
	}
	if got, _ := o.kept.allowed.Entries(time.Now()); len(got) != 0 {
		t.Errorf("allowed although the reload failed: %v", got)
	}
	next = o.cfg
	r, err := o.Reload(t.Context(), root, control.ReloadRequest{})
	if err != nil || len(r.Changes) != 1 || r.Changes[0] != "allow list: 198.51.100.0/24 is new" {
		t.Errorf("%+v, %v", r, err)
	}
	if got, _ := o.kept.allowed.Entries(time.Now()); len(got) != 1 {
		t.Errorf("allowed: %v", got)
	}
}

// Whoever asked may go away: then all is put in force nevertheless, or nothing is.
func TestReloadOutlivesItsClient(t *testing.T) {
	var next Config
	o, book := running(t, nil, func() (Config, error) { return next, nil })
	next = o.cfg
	next.Policy.Duration = policy.Duration(2 * time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = o.Reload(ctx, root, control.ReloadRequest{})
	if got := o.reload.config().Policy.Duration; got != policy.Duration(2*time.Hour) || len(book.find("the reload changed nothing")) > 0 || o.Status().Config.Failed != "" {
		t.Errorf("in force: %v; %+v", got, o.Status().Config)
	}
}

func TestReloadWithoutAFile(t *testing.T) {
	o, _ := running(t, nil, nil)
	if _, err := o.Reload(t.Context(), root, control.ReloadRequest{}); !errors.Is(err, control.ErrUnavailable) {
		t.Error(err)
	}
}
