package argusfeed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// shell is a program that a source can run instead of ra.
func shell(name, script string) program {
	return program{name: name, path: "/bin/sh", args: []string{"-c", script}}
}

// shellSource runs scripts; prepare is asked at each attempt.
func shellSource(prepare func(attempt int) ([]program, error)) *raSource {
	attempt := -1
	return &raSource{
		status: newStatus("spawn:test"), opt: Options{Log: slog.New(slog.DiscardHandler)},
		first: 20 * time.Second, idle: 20 * time.Second,
		prepare: func() ([]program, error) { attempt++; return prepare(attempt) },
	}
}

// What ends is started again; what has been printed counts, however it ended.
func TestProgramsAreStartedAgain(t *testing.T) {
	s := shellSource(func(attempt int) ([]program, error) {
		switch attempt {
		case 0:
			return []program{shell("ra", "echo '"+beacon+"'; echo \"ra[9]: 2026/11/24 00:44:18.545233 connect failed\" >&2; exit 1")}, nil
		case 1:
			return nil, errors.New("for a moment there is no interface")
		}
		return []program{
			shell("argus", "trap 'echo last; exit' TERM; echo '"+beacon+"'; sleep 100 & wait"),
			shell("ra", "while read l; do test \"$l\" = last && l='"+beacon+"'; echo \"$l\"; done"),
		}, nil
	})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := make(chan []Flow)
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, out); close(out) }()
	<-out
	<-out
	if got := s.Stats(); got.Restarts != 2 || got.State != StateLive || got.Error != "for a moment there is no interface" {
		t.Errorf("%+v", got)
	}
	stop()
	flushed := 0
	for b := range out {
		flushed += len(b)
	}
	if err := <-ended; err != nil || flushed != 1 || s.Stats().State != StateStopped {
		t.Errorf("after the stop: %v, %d flows, want the one that was held, %+v", err, flushed, s.Stats())
	}
}

func TestProgramsThatFallSilentAreKilled(t *testing.T) {
	again := make(chan struct{}, 100)
	s := shellSource(func(int) ([]program, error) {
		again <- struct{}{}
		return []program{shell("argus", "trap '' TERM; echo '"+beacon+"'; sleep 100"), shell("ra", "cat")}, nil
	})
	s.idle = 100 * time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	out := make(chan []Flow, 100)
	ended := make(chan error)
	go func() { ended <- s.Run(ctx, out) }()
	<-again
	<-again
	if got := s.Stats().Error; !strings.Contains(got, "nothing came") {
		t.Errorf("the error is %q", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What is missing from the beginning is an error at once.
func TestProgramsThatAreMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := findProgram("no-such-argus"); err == nil || !strings.Contains(err.Error(), "apt install argus-server argus-client") {
		t.Errorf("%v", err)
	}
	s := shellSource(func(int) ([]program, error) { return nil, errors.New("not installed") })
	err := s.Run(t.Context(), make(chan []Flow))
	if err == nil || !strings.Contains(err.Error(), "spawn:test: not installed") || s.Stats().State != StateFailed {
		t.Errorf("%v, %+v", err, s.Stats())
	}
}

func TestProgramsSayWhyTheyEnded(t *testing.T) {
	c, err := startChain([]program{
		shell("argus", "echo '    ArgusAlert: 24 Nov 26 01:34:54.324845 started' >&2; echo '  ArgusWarning: 24 Nov 26 01:34:55.613729 ArgusOpenInterface x: No such device exists' >&2; echo >&2; exit 3"),
		shell("ra", "cat; echo \"$HOME $TZ\"; cat <&3"),
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(c.out)
	if err != nil || string(out) != "/nonexistent UTC\n" {
		t.Errorf("%q, %v", out, err)
	}
	got := c.kill()
	if want := "argus: ArgusOpenInterface x: No such device exists (exit status 3); ra: ended"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestProgramsReadTheirConfiguration(t *testing.T) {
	p := shell("ra", "cat /dev/fd/3")
	p.conf = "RA_TZ=UTC\n"
	c, err := startChain([]program{p}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(c.out)
	if err != nil || string(out) != p.conf {
		t.Errorf("%q, %v: %v", out, err, c.kill())
	}
	c.kill()
	if _, err := confFile(strings.Repeat("x", 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a configuration that fits no pipe: %v", err)
	}
}

func TestProgramsThatCannotStart(t *testing.T) {
	c, err := startChain([]program{shell("argus", "sleep 100"), {name: "ra", path: "/nonexistent/ra"}}, slog.New(slog.DiscardHandler))
	if c != nil || err == nil || !strings.Contains(err.Error(), "starting /nonexistent/ra: ") {
		t.Errorf("%v", err)
	}
}

// A program's messages are bounded, whatever it writes, in whatever pieces.
func TestLastWords(t *testing.T) {
	var logged bytes.Buffer
	w := &lastWords{name: "ra", log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	fmt.Fprint(w, "ra[4]: 2026/11/24 00:44:18.545233 connect to 127.0.0.1:99")
	fmt.Fprint(w, "02 failed 'Connection refused'\n\n")
	if got, want := w.last(), "connect to 127.0.0.1:9902 failed 'Connection refused'"; got != want {
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

// Reading Stats while the source runs must be safe: go test -race sees it.
func TestStatsWhileRunning(t *testing.T) {
	s := shellSource(func(int) ([]program, error) {
		return []program{shell("ra", "i=0; while test $i -lt 200; do echo '"+beacon+"'; echo junk; i=$((i+1)); done; sleep 100")}, nil
	})
	ctx, stop := context.WithCancel(t.Context())
	out := make(chan []Flow)
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Run(ctx, out) })
	wg.Go(func() {
		for ctx.Err() == nil {
			_ = s.Stats()
		}
	})
	for n := 0; n < 200; {
		n += len(<-out)
	}
	stop()
	wg.Wait()
	if got := s.Stats(); got.Flows != 200 || got.Skipped["columns"] < 199 {
		t.Errorf("%+v", got)
	}
}
