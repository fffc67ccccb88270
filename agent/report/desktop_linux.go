package report

import (
	"context"
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
		conn, err := func() (*net.UnixConn, error) {
			// The calls of x/sys/unix would change the ids of all threads.
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, ^uintptr(0), uintptr(b.gid), ^uintptr(0)); errno != 0 {
				return nil, fmt.Errorf("acting as group %d: %w (the agent needs CAP_SETGID and CAP_SETUID, or to run as that user)", b.gid, errno)
			}
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(b.uid), ^uintptr(0)); errno != 0 {
				return nil, fmt.Errorf("acting as user %d: %w (the agent needs CAP_SETUID, or to run as that user)", b.uid, errno)
			}
			return dialBus(ctx, b)
		}()
		done <- result{conn, err}
	}()
	r := <-done
	return r.conn, r.err
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
