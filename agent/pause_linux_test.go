package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// Panic: all traffic passes at once, and goes on passing over a restart, until
// somebody resumes; what was blocked before stays unblocked then.
func TestPanic(t *testing.T) {
	for _, ownership := range []enforce.Ownership{enforce.OwnershipNone, enforce.OwnershipAuto} {
		t.Run(string(ownership), func(t *testing.T) {
			r := newRouter(t)
			dir := t.TempDir()
			owned := func(c *Config) { c.Enforce.Ownership = ownership }
			o, _, stop := enforcing(t, r.Router, dir, owned)
			blockIt := func(o operator) error {
				_, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: labTuple(8080), Duration: time.Hour})
				return err
			}
			if err := blockIt(o); err != nil {
				t.Fatal(err)
			}
			if passes(r, 8080, dropTime) {
				t.Fatal("nothing is blocked")
			}
			got, err := o.Panic(t.Context(), root)
			if err != nil || !got.Paused || got.Lifted != 1 || got.By != "root" {
				t.Fatalf("%+v, %v", got, err)
			}
			off := func(o operator) {
				t.Helper()
				if !passes(r, 8080, passTime) {
					t.Error("it does not pass")
				}
				if list := nft(t, r.Router, "list ruleset"); strings.Contains(list, "slips") {
					t.Errorf("the table is there:\n%s", list)
				}
				st := o.Status()
				if st.Worst() != status.Critical || st.Enforce.Paused.IsZero() || st.Enforce.PausedBy != "root" ||
					!strings.Contains(st.Problems[0].What, "slips-ips resume") {
					t.Errorf("the status does not say it: %+v", st.Problems)
				}
				if err := blockIt(o); !errors.Is(err, control.ErrRefused) || !strings.Contains(err.Error(), "paused") {
					t.Errorf("a block by hand: %v", err)
				}
			}
			off(o)
			if again, err := o.Panic(t.Context(), root); err != nil || again.Lifted != 0 || !again.Since.Equal(got.Since) {
				t.Errorf("again: %+v, %v", again, err)
			}
			stop()
			o, _, stop = enforcing(t, r.Router, dir, owned)
			off(o)
			if done, err := o.Resume(t.Context(), root); err != nil || done.Paused || !done.Since.Equal(got.Since) {
				t.Fatalf("%+v, %v", done, err)
			}
			if _, err := os.Stat(filepath.Join(dir, PauseFile)); err == nil {
				t.Error("the file stays")
			}
			if !passes(r, 8080, passTime) {
				t.Error("what was lifted is blocked again")
			}
			if err := blockIt(o); err != nil {
				t.Fatal(err)
			}
			stop()
			nft(t, r.Router, "flush ruleset")
			o, _, _ = enforcing(t, r.Router, dir, owned)
			if passes(r, 8080, dropTime) {
				t.Error("what was blocked after the pause is not restored")
			}
			if n := o.enforcer.Len(); n != 1 {
				t.Errorf("%d blocks", n)
			}
		})
	}
}

// A pause that somebody wrote down while no agent ran: what was blocked before
// does not come back, whether the agent that starts finds it over or not.
func TestPausedWhileDead(t *testing.T) {
	for name, over := range map[string]bool{"paused": false, "over": true} {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t)
			dir := t.TempDir()
			o, _, stop := enforcing(t, r.Router, dir, nil)
			if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: labTuple(8080), Duration: time.Hour}); err != nil {
				t.Fatal(err)
			}
			stop()
			if over {
				nft(t, r.Router, "delete table inet slips")
				if err := (pauseMark{Paused: Paused{Since: time.Now(), By: "anna"}, Over: true}).write(filepath.Join(dir, PauseFile)); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(filepath.Join(dir, PauseFile), nil, 0o600); err != nil { // touch
				t.Fatal(err)
			}
			o, _, stop = enforcing(t, r.Router, dir, nil)
			if !passes(r, 8080, passTime) || o.enforcer.Paused() == over || o.enforcer.Len() != 0 {
				t.Errorf("passes: %v, paused: %v, %d blocks", passes(r, 8080, passTime), o.enforcer.Paused(), o.enforcer.Len())
			}
			flushHistory(t, o.Agent)
			page, err := o.Events(t.Context(), history.Query{Kinds: []history.Kind{history.KindChange}})
			if err != nil || len(page.Events) != 1 || page.Events[0].Ended == nil || page.Events[0].Ended.Count != 1 {
				t.Errorf("%+v, %v", page, err)
			}
			_, err = os.Stat(filepath.Join(dir, PauseFile))
			if over == (err == nil) {
				t.Errorf("the file: %v", err)
			}
			stop()
			o, _, _ = enforcing(t, r.Router, dir, nil)
			if !passes(r, 8080, passTime) || o.enforcer.Paused() == over {
				t.Error("after one more start it is another way")
			}
		})
	}
}

// While paused detections alert, say why they do not block, and only once.
func TestPausedAlerts(t *testing.T) {
	o, _ := running(t, nil, nil)
	if _, err := o.Panic(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	var got []policy.Decision
	err := ask(t.Context(), o.deciding, func() {
		o.decider.decided = func(out outcome) { got = append(got, out.decision) }
		for i := range uint64(6) {
			if err := o.decider.decide([]detection.Detection{{
				Tuple: beaconTuple(1), Label: "From-Botnet-TCP-CC-1", Scorer: "behaviour", Score: 0.999, Threshold: 0.4, Flows: i + 1, Time: argusfeed.TimeOf(time.Now()),
			}}); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil || len(got) != 6 {
		t.Fatalf("%d decisions, %v", len(got), err)
	}
	last := got[5]
	if last.Action != policy.ActionAlert || last.Cause != policy.CausePaused || !strings.Contains(last.Reason, "paused since") || !last.Repeat {
		t.Errorf("%+v", last)
	}
	if st := o.Status(); st.Worst() != status.Warning {
		t.Errorf("%+v", st.Problems)
	}
}
