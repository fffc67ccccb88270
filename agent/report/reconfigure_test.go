package report

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent/history"
	"slips-ips/internal/testenv"
)

// eveIDs gives the texts of the events in an EVE file.
func eveTexts(t testing.TB, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(b)) {
		var e struct {
			EventType string `json:"event_type"`
			Slips     struct{ Text string }
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		if e.EventType != "drop" {
			all = append(all, e.Slips.Text)
		}
	}
	return all
}

func numbered(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprint("lift ", i))
	}
	return all
}

// What waits when a reload changes an output goes to the new one, in order.
func TestReconfigureLosesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "missing", "eve.json") // its folder is not there: nothing can be written
	cfg := DefaultConfig()
	cfg.EVE.Path = path
	r, err := New(cfg, testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	lift := 0
	tell := func(n int) {
		for range n {
			r.Event(said(history.KindLift, usualTuple(t), fmt.Sprint("lift ", lift)))
			lift++
		}
	}
	tell(50)
	testenv.Until(t, "failing", func() bool { return !only(t, r).Failing.IsZero() })
	if o := only(t, r); !strings.Contains(o.Error, "no such file") || o.Sent != 0 {
		t.Errorf("%+v", o)
	}
	wrong := cfg
	wrong.EVE.Flows = "x"
	if err := r.Reconfigure(wrong); err == nil {
		t.Error("a wrong configuration was taken")
	}
	wrong = cfg
	wrong.EVE.Path = filepath.Join(dir, "other.json")
	wrong.Webhooks = []WebhookConfig{{Name: "x", URL: "http://127.0.0.1:1/", TokenFile: filepath.Join(dir, "no-token")}}
	if err := r.Reconfigure(wrong); err == nil || !strings.Contains(err.Error(), "report.webhook.x.token_file") {
		t.Errorf("an output without its files was taken: %v", err)
	}
	if o := only(t, r); o.To != path {
		t.Errorf("something changed: %+v", o)
	}
	same := only(t, r)
	if err := r.Reconfigure(cfg); err != nil || only(t, r).Failing != same.Failing {
		t.Errorf("an output without changes was disturbed (%v)", err)
	}
	next := cfg
	next.EVE.Path, next.EVE.Queue, next.EVE.StatsEvery = filepath.Join(dir, "eve.json"), 16, 5*time.Second // less than what waits
	if err := r.Reconfigure(next); err != nil {
		t.Fatal(err)
	}
	if r.StatsEvery() != 5*time.Second {
		t.Error("statistics are wanted every", r.StatsEvery())
	}
	tell(10)
	testenv.Until(t, "delivered", func() bool { return only(t, r).Waiting == 0 && only(t, r).Failing.IsZero() })
	tell(5)
	// Taken away, it tells first what waits.
	if err := r.Reconfigure(DefaultConfig()); err != nil {
		t.Fatal(err)
	}
	if n := len(r.Outputs()); n != 0 {
		t.Errorf("%d outputs are left", n)
	}
	mustClose(t, r)
	if d := cmp.Diff(numbered(65), eveTexts(t, next.EVE.Path)); d != "" {
		t.Error(d)
	}
	if err := r.Reconfigure(cfg); err == nil {
		t.Error("a closed reporter was changed")
	}
}

// Reloads in a loop, while others tell: nothing is lost, nothing comes twice.
func TestReconfigureInALoop(t *testing.T) {
	cfg := DefaultConfig()
	cfg.EVE.Path, cfg.EVE.MaxSize = filepath.Join(t.TempDir(), "eve.json"), 0
	r, err := New(cfg, testOptions(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reloads := make(chan error)
	go func() {
		for i := 0; ; i++ {
			c := cfg
			c.EVE.Queue += i%2 + 1
			if err := r.Reconfigure(c); err != nil || ctx.Err() != nil {
				reloads <- err
				return
			}
		}
	}()
	const n = 2000
	for i := range n {
		r.Event(said(history.KindLift, usualTuple(t), fmt.Sprint("lift ", i)))
		if i%100 == 0 {
			testenv.Until(t, "delivered", func() bool { return only(t, r).Waiting == 0 })
		}
	}
	cancel()
	if err := <-reloads; err != nil {
		t.Error(err)
	}
	o := only(t, r)
	mustClose(t, r)
	if o.Dropped != 0 {
		t.Errorf("%+v", o)
	}
	if d := cmp.Diff(numbered(n), eveTexts(t, cfg.EVE.Path)); d != "" {
		t.Error(d)
	}
}
