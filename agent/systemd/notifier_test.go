package systemd

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/enforce"
)

// listen stands for systemd: it gives what was sent to NOTIFY_SOCKET.
func listen(t *testing.T) (next func() string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	t.Setenv("NOTIFY_SOCKET", path)
	return func() string {
		b := make([]byte, 4096)
		n, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

// What systemd is told through a real socket.
func TestNotify(t *testing.T) {
	next := listen(t)
	withWatchdog(t, "30000")
	n := NewNotifier(nil)
	n.Ready()
	n.Reloading()
	n.Ready()
	for _, want := range []string{`READY=1`, `RELOADING=1\nMONOTONIC_USEC=\d+`, `READY=1`} {
		if got := next(); !regexp.MustCompile(`^` + want + `$`).MatchString(got) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); n.Watch(ctx, func(context.Context) error { return nil }) }()
	for range 3 {
		if got := next(); got != "WATCHDOG=1" {
			t.Errorf("%q", got)
		}
	}
	cancel()
	<-done
	n.Stopping()
	got := next()
	for got == "WATCHDOG=1" { // under way when Watch ended
		got = next()
	}
	if got != "STOPPING=1" {
		t.Errorf("%q", got)
	}
}

// Without systemd nothing happens; one that cannot be told is told of once.
func TestNobodyListens(t *testing.T) {
	var log bytes.Buffer
	t.Setenv("NOTIFY_SOCKET", "")
	n := NewNotifier(slog.New(slog.NewTextHandler(&log, nil)))
	n.Ready()
	if log.Len() > 0 {
		t.Error(log.String())
	}
	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "none"))
	n.Ready()
	n.Stopping()
	if got := strings.Count(log.String(), "systemd cannot be told"); got != 1 {
		t.Errorf("told %d times: %s", got, &log)
	}
}

func TestLine(t *testing.T) {
	live := status.Feed{Stats: argusfeed.Stats{State: argusfeed.StateLive}, Live: true}
	away := status.Feed{Stats: argusfeed.Stats{State: argusfeed.StateRetrying}, Live: true}
	file := status.Feed{Stats: argusfeed.Stats{State: argusfeed.StateEnded}}
	now := time.Now()
	for _, tt := range []struct {
		s    status.Status
		want string
	}{
		// One that is just being made is no alarm.
		{status.Status{Mode: "enforce", Now: now, Enforce: status.Enforce{Stats: enforce.Stats{Wanted: 2, Missing: 1}, Differs: now}}, "enforce: 0 flows/s; 2 blocks"},
		{status.Status{Mode: "enforce", Feeds: []status.Feed{live}, Detection: status.Detection{FlowsPerSecond: 1234.4}, Enforce: status.Enforce{Stats: enforce.Stats{Wanted: 12}}},
			"enforce: 1234 flows/s; 1 of 1 feeds live; 12 blocks"},
		{status.Status{Mode: "enforce", Feeds: []status.Feed{live, away, file}, Enforce: status.Enforce{Stats: enforce.Stats{Wanted: 1, Missing: 1}, Differs: now.Add(-time.Minute), Hindrance: status.HindranceMissing}, Now: now,
			Problems: []status.Problem{{What: "argus is away\nREADY=1"}, {}}},
			"enforce: 0 flows/s; 1 of 2 feeds live; 1 block, 1 NOT IN THE KERNEL; 2 problems, the first: argus is away READY=1"},
		{status.Status{Mode: "dry-run", Enforce: status.Enforce{DryRun: true, Stats: enforce.Stats{Wanted: 2}}}, "dry-run: 0 flows/s; would be 2 blocks"},
	} {
		if d := cmp.Diff(tt.want, oneLine(Line(tt.s))); d != "" {
			t.Error(d)
		}
	}
	if got := oneLine(strings.Repeat("ä", longestLine)); len(got) > longestLine+3 || !strings.HasSuffix(got, "ä...") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

// The line is sent when it changes; what is stuck stands before it.
func TestReport(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var r recorder
		n := r.notifier()
		var blocks atomic.Int64
		go n.Report(ctx, func() status.Status {
			return status.Status{Mode: "enforce", Enforce: status.Enforce{Stats: enforce.Stats{Wanted: int(blocks.Load())}}}
		})
		time.Sleep(reportEvery*3 + time.Second)
		synctest.Wait()
		blocks.Store(1)
		time.Sleep(reportEvery)
		synctest.Wait()
		n.moved(context.DeadlineExceeded, true)
		time.Sleep(reportEvery)
		synctest.Wait()
		n.moved(nil, true)
		want := []string{
			"0s STATUS=enforce: 0 flows/s; 0 blocks",
			"20s STATUS=enforce: 0 flows/s; 1 block",
			"21s STATUS=STUCK: context deadline exceeded; enforce: 0 flows/s; 1 block",
			"26s STATUS=enforce: 0 flows/s; 1 block",
			"26s WATCHDOG=1",
		}
		if d := cmp.Diff(want, r.take()); d != "" {
			t.Errorf("-want +got\n%s", d)
		}
		cancel()
		synctest.Wait()
	})
}
