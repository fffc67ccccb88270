package enforce

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// holder is who listens at the name of a lock.
type holder struct {
	pid   int32
	uid   uint32
	known bool
	// agent tells that it may be one: it has the right to change nftables. Who cannot
	// be looked at counts as one, for two enforcers of one table would lift and restore
	// each other's blocks.
	agent bool
}

// String names it.
func (h holder) String() string {
	if !h.known {
		return "a process that does not answer"
	}
	return fmt.Sprintf("process %d of user %d", h.pid, h.uid)
}

const (
	// lookAgain is how often somebody is asked who does not listen yet, or has no room
	// for one more who asks; lookPause lies between.
	lookAgain = 20
	lookPause = 10 * time.Millisecond
)

// holderOf finds out who listens at an abstract name. An agent always answers, so
// that who does not is none. The error is that nobody holds the name any more.
func holderOf(name string) (holder, error) {
	for n := 0; ; n++ {
		c, err := net.Dial("unix", name)
		if err == nil {
			defer func() { _ = c.Close() }()
			return askPeer(c.(*net.UnixConn)), nil
		}
		switch {
		case n < lookAgain && (errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.EAGAIN)):
			time.Sleep(lookPause)
		case errors.Is(err, unix.ECONNREFUSED) && !nameHeld(name):
			return holder{}, err // it is gone
		case errors.Is(err, unix.ECONNREFUSED), errors.Is(err, unix.EAGAIN):
			return holder{}, nil
		default:
			return holder{agent: true}, nil
		}
	}
}

// nameHeld tells whether somebody has taken an abstract name, listening or not.
func nameHeld(name string) bool {
	l, err := net.Listen("unix", name)
	if err == nil {
		_ = l.Close()
	}
	return errors.Is(err, syscall.EADDRINUSE)
}

// askPeer finds out who is at the other end of a connection: whoever called listen(2).
func askPeer(c *net.UnixConn) holder {
	raw, err := c.SyscallConn()
	var cred *unix.Ucred
	if err == nil {
		cerr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
		err = errors.Join(err, cerr)
	}
	if err != nil {
		return holder{agent: true}
	}
	h := holder{pid: cred.Pid, uid: cred.Uid, known: true}
	h.agent = h.uid == 0 || h.uid == uint32(os.Geteuid()) || mayEnforce(h.pid)
	return h
}

// mayEnforce tells whether a process has CAP_NET_ADMIN here: every user has it in a
// user namespace of his own, which shows in its map of users. One that is not there
// any more has left its socket to somebody else; an agent does not.
func mayEnforce(pid int32) bool {
	if pid == 0 { // it is in another pid namespace
		return true
	}
	proc := "/proc/" + strconv.Itoa(int(pid))
	status, err := os.ReadFile(proc + "/status")
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	_, line, _ := bytes.Cut(status, []byte("\nCapEff:"))
	line, _, _ = bytes.Cut(line, []byte("\n"))
	caps, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 64)
	if err != nil {
		return true
	}
	theirs, err1 := os.ReadFile(proc + "/uid_map")
	ours, err2 := os.ReadFile("/proc/self/uid_map")
	return caps&(1<<unix.CAP_NET_ADMIN) != 0 && (err1 != nil || err2 != nil || bytes.Equal(theirs, ours))
}
