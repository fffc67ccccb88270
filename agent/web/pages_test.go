package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"slips-ips/agent/control"
	"slips-ips/enforce"
)

// allPages are those that are got.
var allPages = []string{
	"/ui/", "/ui/blocks", "/ui/alerts", "/ui/alerts?decision=everything", "/ui/tuples", "/ui/tuple?tuple=10.0.0.7-203.0.113.9-443-tcp",
	"/ui/allows", "/ui/models", "/ui/policy",
}

func TestPages(t *testing.T) {
	p := newPages(t, newAgent())
	for _, c := range []struct {
		path  string
		wants []string
	}{
		{"/ui/", []string{"Enforcing", "1 of 2 blocks is not in the kernel", "10.0.0.7-203.0.113.9-443-tcp", "310.4", "2 of 10", "What changed", "retrying", "Turn all blocking off"}},
		{"/ui/blocks", []string{"2 of 2 blocks", "by hand", "brute force", "anna", "missing", "1 234 packets"}},
		{"/ui/alerts", []string{"From-Generic-TCP-HTTP-polling", "blocked", "lifted"}},
		{"/ui/tuples", []string{"3 of 3 tuples", "88+h+h,h+h,h+h+h,h+h,", "812"}},
		{"/ui/tuple?tuple=10.0.0.7-203.0.113.9-443-tcp", []string{"gaps spread by only 2 %", "/etc/slips-ips/slips.toml line 47", "max_blocks: 2 of 10000"}},
		{"/ui/tuple?id=01a20b4d-0000-7000-8000-000000000004", []string{"gaps spread by only 2 %"}},
		{"/ui/allows", []string{"printers", "the office", "gateway of eth0", "Take off"}},
		{"/ui/models", []string{"zeus.toml", "CTU-13", "31"}},
		{"/ui/policy", []string{"matches = 3", "Try it"}},
	} {
		w := get(p, admin, c.path)
		text := strings.ReplaceAll(textOf(t, w.Body.String()), "\u00a0", " ")
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d: %s", c.path, w.Code, text)
		}
		for _, want := range c.wants {
			if !strings.Contains(text, want) && !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s has no %q:\n%s", c.path, want, text)
			}
		}
	}
}

const tuplePage = "/ui/tuple?tuple=" + tuple

// Where nothing is blocked, or only would be, no page looks as if it were, and nothing
// is offered that cannot be done.
func TestModes(t *testing.T) {
	verdict := func(page string) (class string) {
		walk(t, page, func(n *html.Node) {
			if strings.HasPrefix(attribute(n, "class"), "verdict") {
				class = attribute(n, "class")
			}
		})
		return class
	}
	for _, state := range []enforce.State{enforce.StateBlocked, enforce.StateMissing, enforce.StateWouldBlock} {
		a := newAgent()
		a.Explanation.Block.State = state
		if got := verdict(get(newPages(t, a), admin, tuplePage).Body.String()); got != "verdict "+string(state) {
			t.Errorf("%s looks like %q", state, got)
		}
	}
	a := newAgent()
	a.State.Mode, a.Explanation.Block = detectOff, nil
	p := newPages(t, a)
	for path, nots := range map[string][]string{"/ui/": {"Turn all blocking off", "Budget used", "In the kernel"}, tuplePage: {"Block it", "Never block"}} {
		page := get(p, admin, path).Body.String()
		for _, not := range nots {
			if strings.Contains(page, not) {
				t.Errorf("%s in detect-off mode has %q", path, not)
			}
		}
	}
}

// The heading says of what kind an error is.
func TestErrorText(t *testing.T) {
	for _, kind := range []error{control.ErrInvalid, control.ErrUnavailable, control.ErrNotFound, control.ErrRefused, control.ErrForbidden, control.ErrBusy} {
		if got := errorText(fmt.Errorf("%w: no history is kept", kind)); got != "no history is kept" {
			t.Error(got)
		}
	}
}

// What happened to a tuple is not "nothing" where it only cannot be told.
func TestTupleWithoutHistory(t *testing.T) {
	a := newAgent()
	a.Explanation.Events = nil
	a.FailEvents = fmt.Errorf("%w: no history is kept", control.ErrUnavailable)
	w := get(newPages(t, a), admin, tuplePage)
	if text := textOf(t, w.Body.String()); w.Code != http.StatusOK || !strings.Contains(text, "no history is kept") || strings.Contains(text, "Nothing that is remembered") {
		t.Errorf("%d %s", w.Code, text)
	}
}

// A page has one zone.
func TestVerdictTime(t *testing.T) {
	a := newAgent()
	until := a.Explanation.Block.Until
	a.Explanation.Verdict = "Blocked until " + until.Format(time.RFC3339) + ": it beacons."
	text := textOf(t, get(newPages(t, a), admin, tuplePage).Body.String())
	if want := "Blocked until " + when(until) + ": it beacons."; !strings.Contains(text, want) {
		t.Errorf("no %q in %s", want, text)
	}
}
