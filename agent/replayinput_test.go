package agent

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"slips-ips/internal/testenv"
)

// A pipe that says nothing does not outlast a signal: neither before its first
// byte nor after some.
func TestReplayOfASilentPipeCanBeStopped(t *testing.T) {
	for name, said := range map[string]string{
		"nothing": "",
		"a line":  "2026/03/01 12:00:00.000000,1.0,tcp,10.0.0.7,40000,   ->,203.0.113.9,80,CON,0,0,10,1000\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "fifo")
			w := fifo(t, path)
			if _, err := w.WriteString(said); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			done := make(chan *ReplayReport, 1)
			go func() {
				r, err := Replay(ctx, ReplayOptions{Config: DefaultConfig(), Files: []string{path}})
				if err != nil {
					t.Error(err)
				}
				done <- r
			}()
			select {
			case r := <-done:
				if want := uint64(strings.Count(said, "\n")); !r.Interrupted || r.Flows != want {
					t.Errorf("interrupted: %v, flows %d, want true and %d", r.Interrupted, r.Flows, want)
				}
			case <-time.After(testenv.Patience):
				t.Fatal("the replay goes on")
			}
		})
	}
}

// fifo makes a named pipe and opens it, so that neither opening nor writing waits.
func fifo(t *testing.T, path string) *os.File {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

func TestStandardInputIsReadOnce(t *testing.T) {
	_, wrong := ParseConfig([]byte("[[source]]\nurl = \"-\"\n[[source]]\nurl = \"ra:-\"\n"))
	if len(wrong) != 1 || wrong[0].Line != 4 || !strings.Contains(wrong[0].What, "source[0]") {
		t.Errorf("mistakes %v, want one on line 4 that names source[0]", wrong)
	}
}
