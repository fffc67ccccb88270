package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"slips-ips/agent/control"
)

const tuple = "10.0.0.7-203.0.113.9-443-tcp"

// Each action asks first and changes nothing; what it asks, sent as it stands, does
// it, in the name of who asked.
func TestActions(t *testing.T) {
	for _, c := range []struct {
		action string
		form   url.Values
		asks   string
		says   string
		holds  func(*testAgent) bool
	}{
		{"block", url.Values{"tuple": {"10.0.0.5-203.0.113.50-8080-tcp"}, "duration": {"12h"}, "comment": {"ticket 4711"}, "scope": {"pair"}}, "everything between 10.0.0.5 and 203.0.113.50", "blocked until",
			func(a *testAgent) bool {
				b := a.InForce[0]
				return len(a.InForce) == 3 && b.Tuple.String() == "10.0.0.5-203.0.113.50-8080-tcp" && b.Reason == "ticket 4711" && b.Left == 12*3600
			}},
		{"unblock", url.Values{"block": {"01a20b4d-0000-7000-8000-000000000004"}}, "Lift the block of " + tuple, tuple + " is lifted", func(a *testAgent) bool { return len(a.InForce) == 1 }},
		{"unblock", url.Values{"block": {tuple}}, "Lift the block of " + tuple, tuple + " is lifted", func(a *testAgent) bool { return len(a.InForce) == 1 }},
		{"flush", url.Values{}, "Lift all 2 blocks?", "2 blocks are lifted", func(a *testAgent) bool { return len(a.InForce) == 0 }},
		{"allow", url.Values{"network": {"203.0.113.0/24"}, "duration": {"7d"}, "comment": {"backup"}}, "Blocks that end by it now: 2", "2 blocks ended",
			func(a *testAgent) bool {
				last := a.Allowed[len(a.Allowed)-1]
				return last.Network == "203.0.113.0/24" && last.Comment == "backup" && last.By == "root" && last.Until.Sub(a.Now).Hours() == 168 && len(a.InForce) == 0
			}},
		{"disallow", url.Values{"network": {"192.168.7.0/24"}}, "Take 192.168.7.0/24 off", "192.168.7.0/24 is off", func(a *testAgent) bool { return len(a.Allowed) == 2 }},
		{"panic", url.Values{}, "Turn all blocking off?", "Blocking is off; 2 blocks ended", func(a *testAgent) bool { return !a.State.Enforce.Paused.IsZero() }},
		{"resume", url.Values{}, "Block again?", "Blocking is on again", func(a *testAgent) bool { return a.State.Enforce.Paused.IsZero() }},
		{"reload", url.Values{}, "policy.duration: 1h -&gt; 2h", "Reloaded: 2 changes", func(*testAgent) bool { return true }},
	} {
		a := newAgent()
		p := newPages(t, a)
		before := len(a.By())
		w := post(p, admin, "/ui/do/"+c.action, maps.Clone(c.form))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), c.asks) {
			t.Errorf("%s asks: %d %s", c.action, w.Code, textOf(t, w.Body.String()))
			continue
		}
		if c.action != "reload" && len(a.By()) != before { // which asks what it would change
			t.Errorf("%s: to ask changed something", c.action)
		}
		path, form := formOf(t, w.Body.String())
		w = post(p, admin, path, form)
		if w.Code != http.StatusOK || !strings.Contains(textOf(t, w.Body.String()), c.says) || !c.holds(a) {
			t.Errorf("%s: %d %s", c.action, w.Code, textOf(t, w.Body.String()))
		}
		if by := a.By(); by[len(by)-1].User != "root" {
			t.Errorf("%s is by %+v", c.action, by)
		}
		// Who may only look on does nothing.
		form.Set("form", "")
		if w := post(p, looker, path, form); w.Code != http.StatusForbidden {
			t.Errorf("%s by a looker: %d", c.action, w.Code)
		}
	}
}

// formOf is the form of a page that asks.
func formOf(t *testing.T, page string) (path string, form url.Values) {
	t.Helper()
	form = url.Values{}
	inMain := false
	walk(t, page, func(n *html.Node) {
		switch n.Data {
		case "main":
			inMain = true
		case "form":
			if inMain {
				path = attribute(n, "action")
			}
		case "input":
			if inMain {
				form.Set(attribute(n, "name"), attribute(n, "value"))
			}
		}
	})
	return path, form
}

func TestActionsRefused(t *testing.T) {
	for _, c := range []struct {
		action string
		form   url.Values
		status int
		says   string
	}{
		{"block", url.Values{"tuple": {"nonsense"}}, http.StatusBadRequest, "nonsense"},
		{"block", url.Values{"tuple": {"10.0.0.5-192.0.2.1-80-tcp"}, "sure": {"yes"}}, http.StatusConflict, "this host's gateway"},
		{"block", url.Values{"tuple": {tuple}, "duration": {"2y"}}, http.StatusBadRequest, "no duration"},
		{"block", url.Values{"tuple": {tuple}, "duration": {"31d"}}, http.StatusBadRequest, "1s to 30d"},
		{"block", url.Values{"tuple": {tuple}, "comment": {strings.Repeat("x", 201)}}, http.StatusBadRequest, "longer than"},
		{"block", url.Values{"tuple": {tuple}, "comment": {"a\x1b[2Jb"}}, http.StatusBadRequest, "cannot be printed"},
		{"block", url.Values{"tuple": {tuple}, "scope": {"world"}}, http.StatusBadRequest, "use tuple, pair"},
		{"unblock", url.Values{"block": {"none"}}, http.StatusNotFound, "no such block any more"},
		{"unblock", url.Values{"block": {"none"}, "sure": {"yes"}}, http.StatusNotFound, "no such block any more"},
		{"disallow", url.Values{"network": {"198.51.100.1"}}, http.StatusNotFound, "not in the allow list any more"},
		{"unblock", url.Values{}, http.StatusBadRequest, "which block"},
		{"allow", url.Values{"network": {"203.0.113.9/24"}}, http.StatusBadRequest, "203.0.113.9/24"},
		{"allow", url.Values{}, http.StatusBadRequest, "missing"},
		{"disallow", url.Values{"network": {"192.168.0.0/16"}, "sure": {"yes"}}, http.StatusConflict, "from slips.toml"},
		{"nonsense", url.Values{}, http.StatusNotFound, "no such action"},
	} {
		a := newAgent()
		w := post(newPages(t, a), admin, "/ui/do/"+c.action, c.form)
		if text := textOf(t, w.Body.String()); w.Code != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s %v: %d %s", c.action, c.form, w.Code, text)
		}
		if known := actions[c.action].section; known != "" && !strings.Contains(w.Body.String(), `href="/ui/`+known+`">Try again`) {
			t.Errorf("%s does not lead back to %s", c.action, known)
		}
	}
}

// Blocks that ended by an action are not shown as if they were there.
func TestEnded(t *testing.T) {
	w := post(newPages(t, newAgent()), admin, "/ui/do/allow", url.Values{"network": {"203.0.113.9"}, "sure": {"yes"}})
	if text := textOf(t, w.Body.String()); !strings.Contains(text, "1 blocks ended") || !strings.Contains(text, "lifted over") || strings.Contains(text, " left") {
		t.Error(text)
	}
}

// A form of elsewhere, or of somebody else, or none at all, does nothing.
func TestForged(t *testing.T) {
	a := newAgent()
	p := newPages(t, a)
	for name, token := range map[string]string{"none": " ", "wrong": "0123456789abcdef", "of another": p.formToken(looker)} {
		w := post(p, admin, "/ui/do/flush", url.Values{"form": {token}, "sure": {"yes"}})
		if w.Code != http.StatusForbidden || len(a.InForce) != 2 || len(a.By()) != 0 {
			t.Errorf("%s: %d, %d blocks", name, w.Code, len(a.InForce))
		}
	}
	for _, action := range slices.Sorted(maps.Keys(actions)) { // nothing is changed by GET
		w := get(p, admin, fmt.Sprintf("/ui/do/%s?sure=yes&form=%s&block=%s&network=10.0.0.0/8&tuple=%s", action, p.formToken(admin), tuple, tuple))
		if w.Code < 400 || len(a.By()) != 0 {
			t.Errorf("GET %s: %d", action, w.Code)
		}
	}
}

func TestWhatIf(t *testing.T) {
	a := newAgent()
	a.WouldBe = control.WhatIfResult{Matches: 7, Tuples: 2, Unknown: []string{"detections of before the history"}}
	p := newPages(t, a)
	w := post(p, looker, "/ui/whatif", url.Values{"config": {"[policy]\nmatches = 9 # <b>\n"}, "since": {"3d"}})
	text := textOf(t, w.Body.String())
	for _, want := range []string{"7 matches of 2 tuples", "No difference", "detections of before the history", "matches = 9 # <b>"} {
		if w.Code != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%d, no %q: %s", w.Code, want, text)
		}
	}
	w = post(p, looker, "/ui/whatif", url.Values{"config": {"action = \"deny\"\n"}, "since": {"3d"}})
	if text := textOf(t, w.Body.String()); !strings.Contains(text, "line 1, policy.action : \"deny\" is not allowed") || !strings.Contains(text, `action = "deny"`) {
		t.Error(text)
	}
	// What was pasted is still there where something else is wrong.
	for _, form := range []url.Values{{"since": {"tomorrow"}}, {"since": {"1h"}, "until": {"2h"}}} {
		form.Set("config", "matches = 9 # mine")
		w := post(p, looker, "/ui/whatif", form)
		if text := textOf(t, w.Body.String()); w.Code != http.StatusBadRequest || !strings.Contains(text, "It was not tried since: ") || !strings.Contains(text, "matches = 9 # mine") {
			t.Errorf("%v: %d %s", form, w.Code, text)
		}
	}
	a.FailWhatIf = fmt.Errorf("%w: no history is kept", control.ErrUnavailable)
	w = post(p, looker, "/ui/whatif", url.Values{"config": {"matches = 9 # mine"}, "since": {"1d"}})
	if text := textOf(t, w.Body.String()); w.Code != http.StatusServiceUnavailable || !strings.Contains(text, "It was not tried no history is kept") || !strings.Contains(text, "matches = 9 # mine") {
		t.Errorf("%d %s", w.Code, text)
	}
	if len(a.By()) != 0 {
		t.Error("asking changed something")
	}
}
