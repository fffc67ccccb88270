package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// lineFile appends lines to a file. It rotates the file by size, and opens it
// anew where somebody else (logrotate) renamed or removed it. Lines are whole
// even where the disk fills up or the program is killed. It belongs to one
// goroutine.
type lineFile struct {
	path    string
	maxSize int64 // 0: no rotation
	keep    int

	f       *os.File
	size    int64
	checked time.Time
}

// checkFileEvery is how often the file is compared with the one at its path.
const checkFileEvery = time.Second

func (l *lineFile) write(_ context.Context, lines []byte) error {
	if err := l.ready(int64(len(lines))); err != nil {
		return err
	}
	n, err := l.f.Write(lines)
	if err == nil {
		l.size += int64(n)
		return nil
	}
	err = fmt.Errorf("writing %s: %w", l.path, err)
	if n > 0 { // what was written of the lines is taken back: they come again
		if terr := l.f.Truncate(l.size); terr != nil {
			err = errors.Join(err, terr)
			l.close()
		}
	}
	return err
}

// ready makes sure that the file at the path is open and has room for n bytes.
func (l *lineFile) ready(n int64) error {
	if now := time.Now(); l.f != nil && now.Sub(l.checked) >= checkFileEvery {
		l.checked = now
		if err := l.look(); err != nil {
			return err
		}
	}
	if l.f == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	if l.maxSize == 0 || l.size == 0 || l.size+n <= l.maxSize {
		return nil
	}
	l.close()
	if err := l.rotate(); err != nil {
		return err
	}
	return l.open()
}

// look closes the file where another one or none is at the path, or where it
// was cut (copytruncate).
func (l *lineFile) look() error {
	open, err := l.f.Stat()
	if err != nil {
		return fmt.Errorf("looking at %s: %w", l.path, err)
	}
	there, err := os.Stat(l.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(open, there):
		l.close()
	case err != nil:
		return fmt.Errorf("looking at %s: %w", l.path, err)
	default:
		l.size = open.Size()
	}
	return nil
}

// open opens the file. A line that another run did not finish is ended, so that
// it spoils no other one.
func (l *lineFile) open() error {
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("opening %s for reports: %w", l.path, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no regular file")
	}
	if err == nil && info.Size() > 0 {
		last := []byte{0}
		if _, err = f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			if _, err = io.WriteString(f, "\n"); err == nil {
				info, err = f.Stat()
			}
		}
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("opening %s for reports: %w", l.path, err)
	}
	l.f, l.size, l.checked = f, info.Size(), time.Now()
	return nil
}

// rotate renames path to path.1, path.1 to path.2 and so on; the oldest is lost.
func (l *lineFile) rotate() error {
	for i := l.keep - 1; i >= 0; i-- {
		from := l.old(i)
		if err := os.Rename(from, l.old(i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("rotating %s: %w", l.path, err)
		}
	}
	return nil
}

func (l *lineFile) old(i int) string {
	if i == 0 {
		return l.path
	}
	return fmt.Sprintf("%s.%d", l.path, i)
}

func (l *lineFile) close() {
	if l.f != nil {
		l.f.Close()
		l.f = nil
	}
}
