package argusfeed

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"slips-ips/internal/testenv"
)

// A real argus that writes a file which is moved away, deleted and truncated
// under it: every flow comes once.
func TestFollowArgusThroughRotations(t *testing.T) {
	t.Parallel()
	testenv.Root(t)
	argus := testenv.Program(t, "argus")
	testenv.Program(t, "ping")
	f := follow(t)
	conf := filepath.Join(filepath.Dir(f.path), "argus.conf")
	f.do(os.WriteFile(conf, []byte("ARGUS_INTERFACE=lo\nARGUS_FLOW_STATUS_INTERVAL=1\nARGUS_MAR_STATUS_INTERVAL=1\nARGUS_SET_PID=no\n"), 0o600))
	cmd := exec.Command("sh", "-c", `ip link set lo up && { ping -q -i 0.02 127.0.0.1 >&2 & exec "$0" -X -F "$1" -w "$2"; }`, argus, conf, f.path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Setpgid: true}
	f.do(cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // ping too
	})
	f.s.poll = 20 * time.Millisecond
	f.start()
	seen := map[uint32]int{}
	last := uint32(0)
	ended := false
	collect := func(what string, until func() bool) {
		t.Helper()
		for late := time.Now().Add(testenv.Patience); !until(); {
			select {
			case b := <-f.out:
				for _, flow := range b {
					seen[flow.Seq]++
					last = max(last, flow.Seq)
				}
			case err := <-f.ended:
				f.do(err)
				ended = true
			case <-time.After(f.s.poll):
				if time.Now().After(late) {
					t.Fatalf("no %s: %+v\n%s", what, f.s.Stats(), f.log)
				}
			}
		}
	}
	allRead := func() bool { s := f.s.Stats(); return s.Read == s.Size }
	for _, rotate := range []func(){
		func() { f.do(os.Rename(f.path, f.path+".1")) },
		func() { f.do(os.Rename(f.path, f.path+".2")) },
		func() { f.do(os.Remove(f.path)) },
		func() { // truncated while it is not written to, or something would be lost
			f.do(syscall.Kill(cmd.Process.Pid, syscall.SIGSTOP))
			collect("end of the file", allRead)
			f.do(os.Truncate(f.path, 0))
			collect("truncation", func() bool { return f.s.Stats().Read == 0 })
			f.do(syscall.Kill(cmd.Process.Pid, syscall.SIGCONT))
		},
		func() {},
	} {
		// argus has made another file when flows have come that are this much newer.
		newer := last + 80
		collect("newer flows", func() bool { return last >= newer })
		rotate()
	}
	f.do(syscall.Kill(cmd.Process.Pid, syscall.SIGTERM)) // and the rest is written
	written := make(chan error, 1)
	go func() { written <- cmd.Wait() }()
	collect("end of argus", func() bool { return len(written) > 0 })
	collect("end of the file", allRead)
	f.stop()
	collect("end", func() bool { return ended })
	for seq := uint32(1); seq <= last; seq++ {
		if seen[seq] != 1 {
			t.Errorf("flow %d of %d came %d times", seq, last, seen[seq])
		}
	}
	t.Logf("%d flows", last)
}
