package argusfeed

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
)

// shell is a program that runs instead of argus. It has no standard output.
func shell(script string) program {
	return program{name: "argus", path: "/bin/sh", args: []string{"-c", script}}
}

func started(t *testing.T, p program) *process {
	t.Helper()
	pr, err := start(p, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return pr
}

func TestProgramsThatAreMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := findProgram("no-such-argus"); err == nil || !strings.Contains(err.Error(), "apt install argus-server") {
		t.Errorf("%v", err)
	}
	_, err := start(program{name: "argus", path: "/nonexistent/argus"}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "starting /nonexistent/argus: ") {
		t.Errorf("%v", err)
	}
}

func TestProgramsSayWhyTheyEnded(t *testing.T) {
	p := started(t, shell("echo '    ArgusAlert: 24 Nov 26 01:34:54.324845 started' >&2; echo '  ArgusWarning: 24 Nov 26 01:34:55.613729 ArgusOpenInterface x: No such device exists' >&2; echo >&2; exit 3"))
	<-p.done
	if got, want := p.end(), "argus: ArgusOpenInterface x: No such device exists (exit status 3)"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	p = started(t, shell("trap '' TERM; sleep 100"))
	if got := p.end(); got != "" {
		t.Errorf("killed, and yet it says %q", got)
	}
}

func TestProgramsReadTheirConfiguration(t *testing.T) {
	p := shell(`echo "$HOME $TZ $(cat /dev/fd/3)" >&2`)
	p.conf = "ARGUS_DAEMON=no"
	pr := started(t, p)
	<-pr.done
	if got, want := pr.end(), "argus: /nonexistent UTC ARGUS_DAEMON=no: ended"; got != want && got != "argus: /nonexistent UTC ARGUS_DAEMON=no (ended)" {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := confFile(strings.Repeat("x", 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a configuration that fits no pipe: %v", err)
	}
}

// An Argus that ends before it listens has said why; one that never listens is
// ended.
func TestSpawnedArgusThatDoesNotListen(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Log: slog.New(slog.DiscardHandler)}
	_, err = startArgus(t.Context(), shell("echo 'ArgusError: 24 Nov 26 01:34:55.613729 bind() error' >&2; exit 1"), port, 1, opt)
	if want := "argus: bind() error (exit status 1)"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// A program's messages are bounded, whatever it writes, in whatever pieces.
func TestLastWords(t *testing.T) {
	var logged bytes.Buffer
	w := &lastWords{name: "argus", log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	fmt.Fprint(w, "ArgusError: 24 Nov 26 00:44:18.545233 cannot open ")
	fmt.Fprint(w, "eth0\n\n")
	if got, want := w.last(), "cannot open eth0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	fmt.Fprint(w, strings.Repeat("\xff", 1<<16))
	if got := w.last(); len(got) == 0 || len(got) > maxMessage {
		t.Errorf("a message of %d bytes", len(got))
	}
	if n := strings.Count(logged.String(), "\n"); n != 2 {
		t.Errorf("%d messages logged, want 2:\n%s", n, &logged)
	}
}
