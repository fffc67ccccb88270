package metrics

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"
)

// socketMode lets root and the group of the folder's owner read.
const socketMode = 0o660

func listen(c Config) (net.Listener, error) {
	path, ok := c.socket()
	if !ok {
		return net.Listen("tcp", c.Listen)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		_ = l.Close() // the error before tells more
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket that was left by an agent that was killed; one
// that answers, or another kind of file, is left alone.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != fs.ModeSocket:
		return fmt.Errorf("%s is there and is no socket; remove it or use another path", path)
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = conn.Close() // it was to find out whether somebody listens
		return fmt.Errorf("somebody else listens on %s: is another agent running?", path)
	}
	return os.Remove(path)
}
