package main

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
)

// A SIGHUP that comes when the agent has just ended does not end the program by
// that signal: its exit status would tell of a failure.
func TestHangupAtTheEnd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "no.binetflow")
	if err := os.WriteFile(file, []byte(argusfeed.RaHeader+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errout bytes.Buffer
	args := append([]string{"run", "--source", "file:" + file, "-c", "/dev/null"}, testenv.Own(t)...)
	if code := run(t.Context(), args, streams{os.Stdin, &out, &errout}); code != 0 {
		t.Fatalf("exit status %d: %s", code, &errout)
	}
	// What a thread sends to itself is there when the call returns, and would be the
	// end of this test.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGHUP); err != nil {
		t.Fatal(err)
	}
}
