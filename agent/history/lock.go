package history

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// lockFile makes this process the only writer of the file at path. The lock is
// of the kernel (flock) on a file beside it, and is gone with the process
// however that ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		who, _ := io.ReadAll(io.LimitReader(f, 20))
		f.Close()
		return nil, fmt.Errorf("%w (process %s); stop that one, or use another state folder", ErrInUse, strings.TrimSpace(string(who)))
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("locking %s: %w", path+".lock", err)
	}
	// Only for the message above: on a full disk it is missing there.
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return f, nil
}
