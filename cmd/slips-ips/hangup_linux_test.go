//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"slips-ips/argusfeed"
)

// A SIGHUP that comes when the agent has just ended does not end the program by
// that signal: its exit status would tell of a failure.
func TestHangupAtTheEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "no.binetflow")
	if err := os.WriteFile(file, []byte(argusfeed.RaHeader+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errout bytes.Buffer
	if code := run(t.Context(), []string{"run", "--source", "file:" + file, "--state", "", "--socket", ""}, streams{os.Stdin, &out, &errout}); code != 0 {
		t.Fatalf("exit status %d: %s", code, &errout)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // the signal would be the end of this test
}
