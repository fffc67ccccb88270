package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"slips-ips/internal/testenv"
)

// Without the right to change the ruleset enforce mode says so and ends. The
// child is root in a user namespace of its own, which gives it no right over
// the network namespace that it is in.
func TestEnforceWithoutPrivilege(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out, errout bytes.Buffer
	cmd := &exec.Cmd{
		Path: self, Args: append([]string{"slips-ips", "run", "--mode", "enforce", "--source", "-", "-c", "/dev/null"}, testenv.Own(t)...),
		Dir: t.TempDir(), Stdout: &out, Stderr: &errout,
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
		},
	}
	var exit *exec.ExitError
	switch err := cmd.Run(); {
	case errors.As(err, &exit) && exit.ExitCode() == exitFailed:
	case errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EACCES):
		testenv.Skip(t, "no user namespace can be made: "+err.Error())
	default:
		t.Fatalf("%v\n%s", err, errout.String())
	}
	for _, want := range []string{"slips-ips: starting: preparing to enforce: ", "operation not permitted", "CAP_NET_ADMIN"} {
		if !strings.Contains(errout.String(), want) {
			t.Errorf("%q is not in: %s", want, errout.String())
		}
	}
}
