package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// spool keeps bodies that wait to be sent, each a file in a folder: they outlive
// the program, however it ends. The order is that of adding. A body is there
// whole or not at all; what was added in the last seconds before the power fails
// may be lost. It is safe for concurrent use, and opens itself.
type spool struct {
	dir string
	// max bounds what all files take on the disk, in bytes.
	max int64

	mu     sync.Mutex
	lock   *os.File
	bodies []spooled
	size   int64
	next   uint64
}

// spooled is one body.
type spooled struct {
	name string
	size int64 // on the disk
}

// block is what files take on most file systems, at least.
const diskBlock = 4096

func onDisk(n int64) int64 { return max(1, (n+diskBlock-1)/diskBlock) * diskBlock }

const (
	spoolEnd  = ".json"
	spoolTemp = ".part"
)

// open finds what an earlier run left. Whoever calls it holds mu.
func (s *spool) open() error {
	if s.lock != nil {
		return nil
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("making the spool: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("locking the spool: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return fmt.Errorf("locking the spool %s (does another agent use this state folder?): %w", s.dir, err)
	}
	files, err := os.ReadDir(s.dir)
	if err != nil {
		lock.Close()
		return fmt.Errorf("reading the spool: %w", err)
	}
	s.bodies, s.size = nil, 0
	for _, f := range files {
		if strings.HasSuffix(f.Name(), spoolTemp) { // never was a body
			os.Remove(filepath.Join(s.dir, f.Name())) //nolint:errcheck // the next run tries again
			continue
		}
		number, ok := strings.CutSuffix(f.Name(), spoolEnd)
		n, err := strconv.ParseUint(number, 10, 64)
		if !ok || err != nil {
			continue // not ours
		}
		info, err := f.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		s.bodies = append(s.bodies, spooled{f.Name(), onDisk(info.Size())})
		s.size += onDisk(info.Size())
		s.next = max(s.next, n+1)
	}
	slices.SortFunc(s.bodies, func(a, b spooled) int { return strings.Compare(a.name, b.name) })
	s.lock = lock
	return nil
}

// add keeps a body. Where there is no room the oldest ones are dropped.
func (s *spool) add(body []byte) (dropped int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		return 0, err
	}
	size := onDisk(int64(len(body)))
	if size > s.max {
		return 0, lost{fmt.Errorf("a report of %d bytes is larger than the spool (spool_size)", len(body))}
	}
	for s.size+size > s.max {
		if err := s.remove(s.bodies[0].name); err != nil {
			return dropped, err
		}
		dropped++
	}
	name := fmt.Sprintf("%020d%s", s.next, spoolEnd)
	path := filepath.Join(s.dir, name)
	temp := strings.TrimSuffix(path, spoolEnd) + spoolTemp
	if err = os.WriteFile(temp, body, 0o600); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp) //nolint:errcheck // it may not be there, and open removes it
		return dropped, fmt.Errorf("keeping a report in the spool: %w", err)
	}
	s.next++
	s.bodies = append(s.bodies, spooled{name, size})
	s.size += size
	return dropped, nil
}

// head reads up to n of the oldest bodies, in all no more than most bytes but at
// least one. What is no JSON (the power failed) is removed and counted as spoilt.
func (s *spool) head(n int, most int64) (names []string, bodies [][]byte, spoilt int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		return nil, nil, 0, err
	}
	var size int64
	for i := 0; i < len(s.bodies) && len(names) < n; {
		b := s.bodies[i]
		if size += b.size; len(names) > 0 && size > most {
			break
		}
		body, err := os.ReadFile(filepath.Join(s.dir, b.name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, spoilt, fmt.Errorf("reading the spool: %w", err)
		}
		if err != nil || !json.Valid(body) {
			spoilt++
			if err := s.remove(b.name); err != nil {
				return nil, nil, spoilt, err
			}
			continue
		}
		names, bodies = append(names, b.name), append(bodies, body)
		i++
	}
	return names, bodies, spoilt, nil
}

// done removes bodies. One that is gone already is none the worse.
func (s *spool) done(names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		if err := s.remove(name); err != nil {
			return err
		}
	}
	return nil
}

// remove removes one body. Whoever calls it holds mu.
func (s *spool) remove(name string) error {
	i, there := slices.BinarySearchFunc(s.bodies, name, func(b spooled, name string) int { return strings.Compare(b.name, name) })
	if !there {
		return nil
	}
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a report from the spool: %w", err)
	}
	s.size -= s.bodies[i].size
	s.bodies = slices.Delete(s.bodies, i, i+1)
	return nil
}

func (s *spool) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.bodies)
}

func (s *spool) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock != nil {
		s.lock.Close()
		s.lock = nil
	}
}
