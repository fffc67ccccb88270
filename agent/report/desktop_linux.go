package report

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// dialAs connects to a bus as its user: the bus looks at the ids that the thread
// has at that moment. The thread is thrown away after it, so that no other
// goroutine ever runs with them.
func dialAs(ctx context.Context, b bus) (*net.UnixConn, error) {
	if uint32(os.Geteuid()) == b.uid {
		return dialBus(ctx, b)
	}
	type result struct {
		conn *net.UnixConn
		err  error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		conn, err := asUser(b, func() (*net.UnixConn, error) { return dialBus(ctx, b) })
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
}

// asUser does something with the effective ids of a user, in this thread alone,
// and takes the old ones again: the real ids stay, so that the user may neither
// signal nor trace the agent meanwhile. The calls of x/sys/unix would change the
// ids of all threads.
func asUser[T any](b bus, do func() (T, error)) (got T, err error) {
	const same = ^uintptr(0)
	uid, gid := uintptr(os.Geteuid()), uintptr(os.Getegid())
	// A process that changes its ids can no longer be dumped nor read in /proc.
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil {
		return got, fmt.Errorf("acting as user %d: %w", b.uid, err)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, same, uintptr(b.gid), same); errno != 0 {
		return got, fmt.Errorf("acting as group %d: %w (the agent needs CAP_SETGID and CAP_SETUID, or to run as that user)", b.gid, errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, same, uintptr(b.uid), same); errno != 0 {
		_, _, _ = unix.RawSyscall(unix.SYS_SETRESGID, same, gid, same)
		return got, fmt.Errorf("acting as user %d: %w (the agent needs CAP_SETUID, or to run as that user)", b.uid, errno)
	}
	got, err = do()
	// The saved ids allow it; and the thread ends with its goroutine in any case.
	_, _, _ = unix.RawSyscall(unix.SYS_SETRESUID, same, uid, same)
	_, _, _ = unix.RawSyscall(unix.SYS_SETRESGID, same, gid, same)
	if dumpable == 1 {
		err = errors.Join(err, unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0))
	}
	return got, err
}

func dialBus(ctx context.Context, b bus) (*net.UnixConn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", b.path)
	if err != nil {
		return nil, err
	}
	return unixConn(c)
}

// ownerOf gives who owns a folder; a symbolic link to one is none.
func ownerOf(path string) (uid, gid uint32, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, 0, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return 0, 0, unix.ENOTDIR
	}
	return st.Uid, st.Gid, nil
}
