package argusfeed

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// confine makes the kernel kill the program with the agent, and takes from it
// the rights that it does not need: these programs read what anyone can send.
// Argus could give up root by itself (ARGUS_SETUSER_ID), but a process that
// changes its user is no longer killed with its parent. demote tells whether it
// is to run as nobody when the agent is root.
func confine(cmd *exec.Cmd, capture, demote bool) (demoted bool) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if capture {
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_NET_RAW}
	}
	if demote && os.Geteuid() == 0 {
		cmd.SysProcAttr.Credential = nobody()
		return true
	}
	return false
}

// nobody is the user without rights; 65534 where the system does not name it.
func nobody() *syscall.Credential {
	c := &syscall.Credential{Uid: 65534, Gid: 65534}
	if u, err := user.Lookup("nobody"); err == nil {
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil && uid != 0 {
			c.Uid, c.Gid = uint32(uid), uint32(gid)
		}
	}
	return c
}

// mayCapture checks that this process may capture packets, without capturing.
func mayCapture() error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return errors.New("capturing packets is not permitted: run as root, or with the capability CAP_NET_RAW")
	}
	if err != nil {
		return fmt.Errorf("opening a packet socket: %w", err)
	}
	return unix.Close(fd)
}
