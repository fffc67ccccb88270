package web

import (
	"net/http"
	"strings"
	"testing"
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
