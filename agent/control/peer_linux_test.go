package control_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"slips-ips/agent/control"
	"slips-ips/agent/control/controltest"
	"slips-ips/internal/testenv"
)

// asClient names the socket that the test's own program is to use as another
// user, in place of running tests.
const asClient = "SLIPS_TEST_CLIENT"

func TestMain(m *testing.M) {
	if path := os.Getenv(asClient); path != "" {
		fmt.Println(tryAll(path))
		return
	}
	os.Exit(m.Run())
}

// tryAll says in a line what this user may do.
func tryAll(path string) string {
	word := func(err error) string {
		switch {
		case err == nil:
			return "yes"
		case errors.Is(err, control.ErrForbidden):
			return "no (" + err.Error() + ")"
		}
		return err.Error()
	}
	c, err := control.Dial(path)
	if err != nil {
		return "connect " + word(err)
	}
	_, read := c.Status(context.Background())
	_, change := c.FlushBlocks(context.Background())
	return "read " + word(read) + ", change " + word(change)
}

// The groups of the test need no entry in the group database.
const readers, admins = 61001, 61002

func TestPermissions(t *testing.T) {
	testenv.Root(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The program and the socket must be reachable for another user.
	dir, err := os.MkdirTemp("/tmp", "control")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program := filepath.Join(dir, "client")
	text, err := os.ReadFile(self)
	if err := errors.Join(err, os.Chmod(dir, 0o755), os.WriteFile(program, text, 0o755)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "c.sock")
	l, err := control.Listen(path, itoa(readers), itoa(admins))
	if err != nil {
		t.Fatal(err)
	}
	b := controltest.Sample()
	s := serve(t, l, b, control.Options{})
	open := func() { // lets everybody connect: the server must not rely on the mode alone
		if err := os.Chmod(path, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	const only = "may (a new member has to log in again)"
	for _, tt := range []struct {
		name      string
		open      bool
		uid, gid  uint32
		groups    []uint32
		says      string
		forbidden uint64
	}{
		{"nobody", false, 61000, 61000, nil, "connect no (the socket " + path + " may not be used by this user: be root, or a member of the group 61001)", 0},
		{"reader", false, 61000, 61000, []uint32{readers}, "read yes, change no (not permitted: user 61000 may not change anything; only root and members of the group 61002 " + only + ")", 1},
		{"reader by its first group", false, 61000, readers, nil, "read yes, change no (not permitted: user 61000 may not change anything; only root and members of the group 61002 " + only + ")", 1},
		{"admin and reader", false, 61000, 61000, []uint32{61005, readers, admins}, "read yes, change yes", 0},
		{"admin", true, 61000, 61000, []uint32{admins}, "read yes, change yes", 0},
		{"nobody, let in", true, 61000, 61000, []uint32{61005}, "read no (not permitted: user 61000 may not ask the agent; only root and members of the group 61001 " + only + "), " +
			"change no (not permitted: user 61000 may not ask the agent; only root and members of the group 61001 " + only + ")", 2},
		{"root without groups", false, 0, 61000, nil, "read yes, change yes", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.open {
				open()
			}
			before := s.Stats().Forbidden
			cmd := exec.Command(program)
			cmd.Env = []string{asClient + "=" + path, "GORACE=atexit_sleep_ms=0"} // else each takes a second more
			cmd.Dir = "/"
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: tt.uid, Gid: tt.gid, Groups: tt.groups}}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if got := strings.TrimSpace(string(out)); got != tt.says {
				t.Errorf("%s\nwant\n%s", got, tt.says)
			}
			if got := s.Stats().Forbidden - before; got != tt.forbidden {
				t.Errorf("%d requests were forbidden, want %d", got, tt.forbidden)
			}
		})
	}
	// Who changed something is known.
	if by := b.By(); len(by) != 3 || by[0].UID != 61000 || by[0].User != "61000" || by[0].PID == 0 || by[2].UID != 0 {
		t.Errorf("%+v", by)
	}
}
