package systemd

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Starts puts starts that fail further and further apart. The systemd of Debian 12
// (252) cannot: RestartSteps= came with 254. So the process that is started waits. How
// many failed is in a file of the unit's RuntimeDirectory=, which stays over a restart
// and goes with a stop. Without such a folder it does nothing.
type Starts struct {
	path string
	log  *slog.Logger
}

const (
	// firstDelay comes before the second start; each later one is twice as long, up
	// to maxDelay. TimeoutStartSec= of the unit must be longer.
	firstDelay = time.Second
	maxDelay   = time.Minute
	// Steady is how long an agent must have run for its start to count as a good one.
	Steady = 2 * time.Minute
)

// NewStarts looks where systemd keeps the folder.
func NewStarts(log *slog.Logger) *Starts {
	dir, _, _ := strings.Cut(os.Getenv("RUNTIME_DIRECTORY"), ":")
	if dir == "" {
		return &Starts{log: log}
	}
	return &Starts{path: filepath.Join(dir, "starts"), log: log}
}

// Wait notes a start, after the time that is due since those before failed. It tells
// whether to go on: not where ctx ended, since somebody stopped the unit, who will not
// want to wait when he starts it again.
func (s *Starts) Wait(ctx context.Context) bool {
	if s.path == "" {
		return true
	}
	failed := s.read()
	if err := os.WriteFile(s.path, []byte(strconv.Itoa(failed+1)+"\n"), 0o600); err != nil {
		s.log.Warn("starts that fail cannot be counted, and come one after the other", "error", err)
		return true
	}
	if failed == 0 {
		return true
	}
	pause := delay(failed)
	s.log.Warn("the starts before this one failed, so it waits; systemctl restart does not", "failed", failed, "wait", pause)
	_, _ = daemon.SdNotify(false, fmt.Sprintf("STATUS=waits %s after %d failed starts; the log says why they failed", pause, failed)) // for people only
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		s.Forget()
		return false
	}
}

// Forget makes the next start one that need not wait.
func (s *Starts) Forget() {
	if s.path != "" {
		_ = os.Remove(s.path) // else the next start waits for a moment
	}
}

// read gives how many starts failed; a file that is no number counts as none.
func (s *Starts) read() int {
	text, err := os.ReadFile(s.path)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

func delay(failed int) time.Duration {
	d := firstDelay
	for ; failed > 1 && d < maxDelay; failed-- {
		d *= 2
	}
	return min(d, maxDelay)
}
