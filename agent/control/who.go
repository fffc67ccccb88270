package control

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"slips-ips/agent/history"
)

// whoTime is how long finding out more of a person than the kernel says may take:
// the user database may be far away, and reading a process's environment waits
// for that process.
const whoTime = 300 * time.Millisecond

// whoSlots bounds the lookups that hang.
var whoSlots = make(chan struct{}, 4)

// who describes the person behind p for the history. UID and PID are the
// kernel's; the rest is from /proc and the user database, as far as it is to be
// had in a moment, and only a hint: the process may have ended, and may set its
// environment as it likes.
func who(ctx context.Context, p peer) history.Who {
	plain := history.Who{UID: p.uid, PID: p.pid}
	select {
	case whoSlots <- struct{}{}:
	default:
		return plain
	}
	found := make(chan history.Who, 1)
	go func() {
		defer func() { <-whoSlots }()
		w := plain
		w.User = userName(p.uid)
		if login, ok := loginUID("/proc", p.pid); ok && login != p.uid {
			w.Login = userName(login)
		}
		w.From = sshPeer("/proc", p.pid)
		found <- w
	}()
	ctx, stop := context.WithTimeout(ctx, whoTime)
	defer stop()
	select {
	case w := <-found:
		return w
	case <-ctx.Done():
		return plain
	}
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// noLogin is the login uid of processes that belong to no session.
const noLogin = 1<<32 - 1

// loginUID gives the user that a session began with; sudo and su keep it.
func loginUID(proc string, pid int32) (uint32, bool) {
	b, err := os.ReadFile(procPath(proc, pid, "loginuid"))
	if err != nil {
		return 0, false
	}
	uid, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32)
	return uint32(uid), err == nil && uid != noLogin
}

// maxParents is how far up the SSH session is looked for: sudo keeps its
// address from the environment of what it starts.
const maxParents = 8

// sshPeer gives the address that the SSH session of a process came from, or "".
func sshPeer(proc string, pid int32) string {
	for range maxParents {
		if pid <= 1 {
			return ""
		}
		if env, err := os.ReadFile(procPath(proc, pid, "environ")); err == nil {
			for entry := range bytes.SplitSeq(env, []byte{0}) {
				value, ok := bytes.CutPrefix(entry, []byte("SSH_CONNECTION="))
				if !ok {
					continue
				}
				first, _, _ := strings.Cut(string(value), " ")
				if ip, err := netip.ParseAddr(first); err == nil {
					return ip.String()
				}
			}
		}
		pid = parent(proc, pid)
	}
	return ""
}

// parent gives the number of the parent process, 0 where it is not known.
func parent(proc string, pid int32) int32 {
	b, err := os.ReadFile(procPath(proc, pid, "stat"))
	if err != nil {
		return 0
	}
	// The name of the program, in brackets, may have blanks and brackets.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	n, err := strconv.ParseInt(fields[1], 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

func procPath(proc string, pid int32, name string) string {
	return proc + "/" + strconv.Itoa(int(pid)) + "/" + name
}
