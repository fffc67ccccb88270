package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"slips-ips/internal/testenv"
)

// tmux is a terminal in which the program runs: keys are sent to it and its screen
// is read, as a person would. It is a server of its own that ends with the test.
type tmux struct {
	t      *testing.T
	socket string
	status string // the file with the program's exit status
}

// inTmux runs `slips-ips ARGS` in a terminal of that size. env has further
// variables, as A=b.
func inTmux(t *testing.T, width, height int, env []string, args ...string) *tmux {
	t.Helper()
	testenv.Program(t, "tmux")
	program, err := exec.LookPath("slips-ips") // the one that testscript.Main put there
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &tmux{t: t, socket: filepath.Join(dir, "tmux"), status: filepath.Join(dir, "status")}
	conf := filepath.Join(dir, "tmux.conf")
	if err := os.WriteFile(conf, []byte("set -g status off\nset -g default-terminal screen-256color\nset -sg escape-time 0\nset -g remain-on-exit on\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// tmux itself does not always know the exit status of what ended.
	command := append([]string{"sh", "-c", `"$@"; echo $? >"$0.new"; mv "$0.new" "$0"`, s.status, "env", "-u", "NO_COLOR", "TZ=UTC", "GORACE=atexit_sleep_ms=0"}, env...)
	command = append(append(command, program), args...)
	s.do(append([]string{"-f", conf, "-u", "new-session", "-d", "-x", strconv.Itoa(width), "-y", strconv.Itoa(height)}, command...)...)
	t.Cleanup(func() { s.do("kill-server") })
	return s
}

func (s *tmux) do(args ...string) string {
	s.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", s.socket}, args...)...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("tmux %v: %v: %s", args, err, out)
	}
	return string(out)
}

// keys sends keys, by the names that tmux has for them.
func (s *tmux) keys(keys ...string) {
	s.t.Helper()
	s.do(append([]string{"send-keys"}, keys...)...)
}

// types sends text as it is.
func (s *tmux) types(text string) {
	s.t.Helper()
	s.do("send-keys", "-l", text)
}

// screen gives what is seen, without blanks at the ends of lines.
func (s *tmux) screen() string {
	s.t.Helper()
	return s.do("capture-pane", "-p")
}

// coloured gives the same with its styles.
func (s *tmux) coloured() string {
	s.t.Helper()
	return s.do("capture-pane", "-p", "-e")
}

// waits gives the screen as soon as it has what fits a pattern.
func (s *tmux) waits(pattern string) string {
	s.t.Helper()
	want := regexp.MustCompile("(?m)" + pattern)
	var screen string
	testenv.Until(s.t, pattern+" on the screen", func() bool {
		screen = s.screen()
		return want.MatchString(screen)
	}, func() string { return screen })
	return screen
}

// still gives the screen when it has that and does not change any more: what is
// written at once may be seen in parts.
func (s *tmux) still(pattern string) string {
	s.t.Helper()
	for before := s.waits(pattern); ; {
		time.Sleep(100 * time.Millisecond)
		now := s.waits(pattern)
		if now == before {
			return now
		}
		before = now
	}
}

// ends waits until the program has ended, and gives its exit status and what it
// left on the screen.
func (s *tmux) ends() (status, left string) {
	s.t.Helper()
	testenv.Until(s.t, "the program ends", func() bool {
		text, err := os.ReadFile(s.status)
		status = strings.TrimSpace(string(text))
		return err == nil
	}, s.screen)
	return status, s.do("capture-pane", "-p", "-S", "-")
}
