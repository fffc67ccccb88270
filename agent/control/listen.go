package control

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// DefaultPath is where the socket is unless configured otherwise.
const DefaultPath = "/run/slips-ips/control.sock"

// socketMode lets the owner and the group connect; what they may do there is
// decided by who they are.
const socketMode = 0o660

// ErrInUse says that a living agent, or something else, serves the socket.
var ErrInUse = errors.New("it is in use")

// Listener accepts the clients of a control socket. Close removes the socket.
type Listener struct {
	*net.UnixListener
	access access
	lock   *os.File
}

// Listen makes the control socket. The members of group may read, those of
// adminGroup also change; each is a name or a number, empty: root alone. The
// socket belongs to group (to adminGroup where there is no other), so that the
// kernel lets nobody else connect: whoever is to change something must be in
// both. The folder is made where it is missing. A socket that a dead agent left
// is replaced; that of a living one is ErrInUse.
func Listen(path, group, adminGroup string) (*Listener, error) {
	l, err := listen(path, group, adminGroup)
	if err != nil {
		return nil, fmt.Errorf("making the control socket %s: %w", path, err)
	}
	return l, nil
}

func listen(path, group, adminGroup string) (*Listener, error) {
	if err := checkPath(path); err != nil {
		return nil, err
	}
	acc := access{reader: noGroup, admin: noGroup}
	var err error
	if acc.reader, err = groupID(group); err != nil {
		return nil, err
	}
	if acc.admin, err = groupID(adminGroup); err != nil {
		return nil, err
	}
	if err := prepareFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock, err := lockSocket(path)
	if err != nil {
		return nil, err
	}
	l, err := bind(path, acc)
	if err != nil {
		_ = lock.Close()
		return nil, err
	}
	return &Listener{UnixListener: l, access: acc, lock: lock}, nil
}

// Close ends listening and removes the socket.
func (l *Listener) Close() error {
	err := l.UnixListener.Close()
	l.lock.Close() // after it the path may be another agent's
	return err
}

// maxPath is the longest path of a socket (unix(7), sun_path with its final zero).
const maxPath = 107

func checkPath(path string) error {
	if len(path) > maxPath {
		return fmt.Errorf("its path has %d bytes and the kernel takes %d; choose a shorter one ([agent] socket)", len(path), maxPath)
	}
	if path == "" || path[0] == '@' {
		return errors.New("it needs a path in the file system ([agent] socket)")
	}
	return nil
}

// noGroup stands for no group at all: nobody is in it.
const noGroup = -1

// groupID finds a group by its name or number.
func groupID(group string) (int, error) {
	if group == "" {
		return noGroup, nil
	}
	text := group
	if g, err := user.LookupGroup(group); err == nil {
		text = g.Gid
	}
	gid, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("there is no group %q; make it with: addgroup --system %s", group, group)
	}
	return int(gid), nil
}

// CheckGroup tells whether this machine has a group; an empty name is none, and fine.
func CheckGroup(group string) error {
	_, err := groupID(group)
	return err
}

// prepareFolder makes the folder, or checks that not just anybody could put
// another socket in the place of ours.
func prepareFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&os.ModeSticky == 0 {
		return fmt.Errorf("everybody may replace files in the folder %s; take it away with chmod o-w, or choose another ([agent] socket)", dir)
	}
	return nil
}

// bind makes the socket at path. The caller holds the lock.
func bind(path string, acc access) (*net.UnixListener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := listenClosed(path)
	if err != nil {
		return nil, err
	}
	owner := acc.reader
	if owner == noGroup {
		owner = acc.admin
	}
	if err = os.Chown(path, -1, owner); err != nil {
		err = fmt.Errorf("giving it to the group %s (only root, or a member of that group, can): %w", groupName(owner), err)
	} else {
		err = os.Chmod(path, socketMode)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// removeStale removes the socket of an agent that is dead.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode()&os.ModeSocket == 0:
		return errors.New("there is something else than a socket; remove it, or choose another path ([agent] socket)")
	}
	// An agent would have the lock; this may be the socket of something else, which
	// lives unless the kernel says that nobody listens.
	c, err := net.Dial("unix", path)
	if err == nil {
		_ = c.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("%w by something that is no agent; stop it, or choose another path ([agent] socket)", ErrInUse)
	}
	return os.Remove(path)
}

// holder reads the process number that the holder of a lock wrote.
func holder(f *os.File) string {
	b := make([]byte, 16)
	n, _ := f.ReadAt(b, 0)
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n]))); err == nil {
		return fmt.Sprintf(" (process %d)", pid)
	}
	return ""
}
