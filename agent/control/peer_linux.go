package control

import (
	"fmt"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// peerOf asks the kernel who connected. The groups are those that the process
// had at that moment (SO_PEERGROUPS, Linux 4.13): what /proc/PID/status says may
// by now be another process's, and what /etc/group says is not what a process
// has that gave groups up, or got them before they were taken away.
func peerOf(c *net.UnixConn) (peer, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return peer{}, err
	}
	var p peer
	var failed error
	err = raw.Control(func(fd uintptr) {
		cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
		if err != nil {
			failed = fmt.Errorf("asking who connected: %w", err)
			return
		}
		p = peer{uid: cred.Uid, pid: cred.Pid, groups: []uint32{cred.Gid}}
		more, err := peerGroups(int(fd))
		if err != nil {
			failed = fmt.Errorf("asking for the groups of who connected: %w", err)
			return
		}
		p.groups = append(p.groups, more...)
	})
	if err == nil {
		err = failed
	}
	return p, err
}

// peerGroups gives the supplementary groups of the process that connected.
func peerGroups(fd int) ([]uint32, error) {
	groups := make([]uint32, 64)
	for {
		size := uint32(len(groups) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&groups[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			return groups[:size/4], nil
		case errno == unix.ERANGE && int(size/4) > len(groups): // it says how many there are
			groups = make([]uint32, size/4)
		default:
			return nil, errno
		}
	}
}
