package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"slips-ips/agent/control/controltest"
)

// costs are what a drawing took, which is not the same each time.
var costs = regexp.MustCompile(`[\d ]+ bytes a second of late, [\d ]+ bytes\s+in all`)

// The screens of top in a real terminal, of a usual and of a wide size.
func TestTopScreens(t *testing.T) {
	socket := serveAgent(t, controltest.Sample())
	s := inTmux(t, 80, 24, nil, "--socket", socket, "top")
	look := func(name, pattern string) {
		t.Helper()
		golden(t, "top-"+name+".txt", costs.ReplaceAllString(s.still(pattern), " N bytes a second of late, N bytes in all"))
	}
	all := func(size string) {
		look("blocks-"+size, "203.0.113.200")
		s.keys("2")
		look("alerts-"+size, "^> .*block ")
		s.keys("3")
		look("tuples-"+size, "^> blocked +10.0.0.7")
		s.keys("4")
		look("allowed-"+size, "gateway of eth0$")
		s.keys("5")
		look("health-"+size, "^budgets")
		s.keys("1")
		s.waits("^> MISSING")
		s.keys("Down")
		s.waits("^> blocked")
		s.keys("Enter")
		look("explanation-"+size, "^against ")
		s.keys("Escape")
		s.waits("^> blocked")
		s.keys("a")
		look("allow-"+size, "other end")
		s.keys("Escape")
		s.waits("nothing was changed")
		s.keys("b")
		look("block-"+size, "^force")
		s.keys("Escape")
		s.waits("nothing was changed")
		s.keys("u")
		look("unblock-"+size, "yes, do it")
		s.keys("n", "?")
		look("help-"+size, "^keys")
		s.keys("q")
		s.waits("^> blocked")
		s.keys("Home")
		s.waits("^> MISSING")
	}
	all("80x24")
	s.do("resize-window", "-x", "140", "-y", "45")
	s.waits("WHY")
	all("140x45")
	s.do("resize-window", "-x", "30", "-y", "8")
	s.waits("too small: 40x12 at least")
	s.do("resize-window", "-x", "80", "-y", "24")
	s.waits("^> MISSING")
	s.keys("q")
	if status, _ := s.ends(); status != "0" {
		t.Errorf("exit status %s", status)
	}
}

// Without colours everything is there, and no colour is.
func TestTopWithoutColours(t *testing.T) {
	socket := serveAgent(t, controltest.Sample())
	colour := regexp.MustCompile(`\x1b\[(\d+;)*[34][0-7](;\d+)*m`)
	for _, env := range [][]string{nil, {"NO_COLOR=1"}} {
		s := inTmux(t, 80, 24, env, "--socket", socket, "top")
		s.waits("203.0.113.200")
		s.keys("3")
		plain := s.still("88.h.h")
		if got := s.coloured(); colour.MatchString(got) != (env == nil) || !strings.Contains(got, "\x1b[") {
			t.Errorf("%v: %q", env, got)
		}
		golden(t, "top-tuples-80x24.txt", plain)
		s.keys("q")
		s.ends()
	}
}

// Where there is no terminal top says what to use; where no agent answers, that.
func TestTopRefuses(t *testing.T) {
	var out, errout bytes.Buffer
	if code := run(t.Context(), []string{"top"}, streams{os.Stdin, &out, &errout}); code != 2 || !strings.Contains(errout.String(), "top needs a terminal") {
		t.Errorf("%d, %s", code, &errout)
	}
	for _, tt := range []struct{ args, want, status string }{
		{"--socket /nowhere top", "no agent answers at /nowhere", "1"},
		{"top --every 1ms", "--every 1ms is not allowed; use 250ms to 1h", "2"},
		{"top --rate 1", "--rate 1 is not allowed", "2"},
	} {
		s := inTmux(t, 120, 24, nil, strings.Fields(tt.args)...)
		if status, left := s.ends(); status != tt.status || !strings.Contains(left, tt.want) {
			t.Errorf("%s: exit status %s, %s", tt.args, status, left)
		}
	}
	s := inTmux(t, 80, 24, []string{"TERM=dumb"}, "top")
	if status, left := s.ends(); status != "2" || !strings.Contains(left, "cannot move the cursor") {
		t.Errorf("exit status %s, %s", status, left)
	}
}
