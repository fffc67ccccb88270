package systemd

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Starts that fail come further and further apart; one that was good, or a stop,
// begins anew.
func TestStarts(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("RUNTIME_DIRECTORY", dir+":/nowhere")
	t.Setenv("NOTIFY_SOCKET", "")
	synctest.Test(t, func(t *testing.T) {
		start := func(ctx context.Context) (*Starts, time.Duration, bool) {
			s, began := NewStarts(slog.New(slog.DiscardHandler)), time.Now()
			on := s.Wait(ctx)
			return s, time.Since(began), on
		}
		var waited []time.Duration
		for range 10 {
			_, d, on := start(t.Context())
			if !on {
				t.Fatal("it is not to go on")
			}
			waited = append(waited, d/time.Second)
		}
		if d := cmp.Diff([]time.Duration{0, 1, 2, 4, 8, 16, 32, 60, 60, 60}, waited); d != "" {
			t.Errorf("seconds before each start: -want +got\n%s", d)
		}
		s, _, _ := start(t.Context())
		s.Forget()
		if _, d, _ := start(t.Context()); d != 0 {
			t.Errorf("after a good one it waits %s", d)
		}
		start(t.Context())
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, d, on := start(ctx); on || d != time.Second {
			t.Errorf("stopped after a second it ends after %s, and goes on: %v", d, on)
		}
		if _, d, on := start(t.Context()); !on || d != 0 {
			t.Errorf("started by hand after that it waits %s", d)
		}
		if err := os.WriteFile(filepath.Join(dir, "starts"), []byte("-9 or so"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, d, _ := start(t.Context()); d != 0 {
			t.Errorf("with a damaged file it waits %s", d)
		}
	})
}

// Without a folder, or where it cannot be written, nothing keeps the agent from its
// start.
func TestStartsWithout(t *testing.T) {
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "missing")} {
		t.Setenv("RUNTIME_DIRECTORY", dir)
		s := NewStarts(slog.New(slog.DiscardHandler))
		for range 2 {
			if !s.Wait(t.Context()) {
				t.Errorf("%q: it is not to go on", dir)
			}
		}
		s.Forget()
	}
}
