package control

import (
	"os"
	"path/filepath"
	"testing"
)

// process writes what /proc would say of a process.
func process(t *testing.T, proc, pid, stat, loginuid, environ string) {
	t.Helper()
	dir := filepath.Join(proc, pid)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"stat": stat, "loginuid": loginuid, "environ": environ} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhoFromProc(t *testing.T) {
	proc := t.TempDir()
	process(t, proc, "10", "10 (sshd: (a) b) S 1 10", "1000", "X=1\x00SSH_CONNECTION=192.0.2.7 5000 192.0.2.1 22\x00")
	process(t, proc, "11", "11 (sudo) S 10 11", "1000\n", "PATH=/bin\x00")
	process(t, proc, "12", "12 (slips-ips) S 11 12", "4294967295", "")
	process(t, proc, "13", "13 (liar) S 13 13", "x", "SSH_CONNECTION=\x1b[31mroot 1 2 3\x00")
	if got := sshPeer(proc, 12); got != "192.0.2.7" {
		t.Errorf("the peer behind sudo is %q", got)
	}
	if got := sshPeer(proc, 13); got != "" { // its own parent: the search ends
		t.Errorf("no address became %q", got)
	}
	if got := sshPeer(proc, 99); got != "" {
		t.Errorf("a process that is gone has the peer %q", got)
	}
	if uid, ok := loginUID(proc, 11); !ok || uid != 1000 {
		t.Errorf("login uid %d, %v", uid, ok)
	}
	for _, pid := range []int32{12, 13, 99} {
		if uid, ok := loginUID(proc, pid); ok {
			t.Errorf("process %d has the login uid %d", pid, uid)
		}
	}
}

func TestWhoOfThisProcess(t *testing.T) {
	w := who(t.Context(), peer{uid: uint32(os.Getuid()), pid: int32(os.Getpid())})
	if w.UID != uint32(os.Getuid()) || w.User == "" || w.PID != int32(os.Getpid()) {
		t.Errorf("%+v", w)
	}
	for range cap(whoSlots) {
		whoSlots <- struct{}{}
	}
	if w := who(t.Context(), peer{uid: 7, pid: 8}); w.UID != 7 || w.PID != 8 || w.User != "" {
		t.Errorf("while all lookups hang: %+v", w)
	}
	for range cap(whoSlots) {
		<-whoSlots
	}
}
