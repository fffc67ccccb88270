package bundle

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// What is in the folder of a Store, besides a folder for each version.
const (
	currentLink  = "current"  // to the version in force
	previousLink = "previous" // to the one before it
	serialFile   = "serial"   // the greatest serial that was ever in force
	lockName     = ".lock"
	newName      = ".new"  // what is being unpacked or switched
	linkName     = ".link" // a symlink that takes another one's place
)

// versionName is the form of the folder of a version: its serial, the beginning of
// the SHA-256 of its manifest, and a number where that one was damaged and is
// there again.
var versionName = regexp.MustCompile(`^([1-9][0-9]{0,18})-[0-9a-f]{12}(\.[1-9][0-9]?)?$`)

// What a Store's error may be, by errors.Is.
var (
	// ErrBusy: another process changes the folder.
	ErrBusy = errors.New("another slips-ips models command is changing it; try again when that one has ended")
	// ErrOlder: the bundle is not newer than what is or was in force.
	ErrOlder = errors.New("it is not newer; --force takes it all the same")
	// ErrNothing: there is no version of that kind.
	ErrNothing = errors.New("there is none")
)

// ModelsIn gives the folder of the models in force, for [detection] models, of
// the installed versions in folder.
func ModelsIn(folder string) string { return filepath.Join(folder, currentLink, modelsFolder) }

// Around gives the folder of the bundle that a folder of models belongs to, "" where
// it stands alone.
func Around(models string) string {
	dir, name := filepath.Split(filepath.Clean(models))
	if _, err := os.Stat(filepath.Join(dir, manifestName)); err != nil || name != modelsFolder {
		return ""
	}
	return filepath.Clean(dir)
}

// ReadInstalled reads and checks the version in force. It changes nothing.
func ReadInstalled(folder string, keys []Key) (Bundle, error) {
	b, err := ReadDir(filepath.Join(folder, currentLink), keys)
	if errors.Is(err, fs.ErrNotExist) {
		if _, missing := os.Lstat(filepath.Join(folder, currentLink)); errors.Is(missing, fs.ErrNotExist) {
			return Bundle{}, fmt.Errorf("looking for installed models in %s: %w; slips-ips models update installs some", folder, ErrNothing)
		}
	}
	return b, err
}

// Store changes the folder of installed versions. It holds the folder's lock until
// it is closed.
type Store struct {
	path string
	// root keeps all that is written inside the folder, whose owner may be another
	// user than the one that writes.
	root *os.Root
	lock *os.File
}

// OpenStore opens the folder, and makes it where it is missing; ErrBusy where
// another process changes it.
func OpenStore(folder string) (*Store, error) {
	s, err := openStore(folder)
	if err != nil {
		return nil, fmt.Errorf("opening the folder of installed models %s: %w", folder, err)
	}
	return s, nil
}

func openStore(folder string) (*Store, error) {
	parent, name := filepath.Split(filepath.Clean(folder))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	// The state folder belongs to the agent's user, who must not be able to lead
	// root elsewhere with a symlink in it.
	above, err := os.OpenRoot(parent)
	if err != nil {
		return nil, err
	}
	defer above.Close()
	if err := above.Mkdir(name, 0o755); err == nil {
		err = above.Chmod(name, 0o755) // whatever the umask is
		if err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	root, err := above.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	lock, err := root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		root.Close()
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		root.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = ErrBusy
		}
		return nil, err
	}
	return &Store{filepath.Clean(folder), root, lock}, nil
}

// Close gives the folder free.
func (s *Store) Close() {
	s.lock.Close()
	s.root.Close()
}

// link gives the version that a symlink names, "" where there is none.
func (s *Store) link(name string) (string, error) {
	to, err := s.root.Readlink(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !versionName.MatchString(to):
		return "", fmt.Errorf("%s leads to %.100q, which is no version of models; remove it", filepath.Join(s.path, name), to)
	}
	return to, nil
}

// point makes a symlink lead to a version, at once; to "" removes it.
func (s *Store) point(name, to string) error {
	if to == "" {
		if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return s.sync(".")
	}
	if err := s.root.RemoveAll(linkName); err != nil {
		return err
	}
	if err := s.root.Symlink(to, linkName); err != nil {
		return err
	}
	if err := s.root.Rename(linkName, name); err != nil {
		return err
	}
	return s.sync(".")
}

// sync has the disk know a folder.
func (s *Store) sync(name string) error {
	dir, err := s.root.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// highest is the greatest serial that is or was in force, 0 where none was.
func (s *Store) highest(current string) (int64, error) {
	highest := serialOf(current)
	f, err := s.root.Open(serialFile)
	if errors.Is(err, fs.ErrNotExist) {
		return highest, nil
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s, which remembers the greatest serial, is damaged; remove it to begin anew: %w", filepath.Join(s.path, serialFile), err)
	}
	return max(n, highest), nil
}

// serialOf is the serial in the name of a version.
func serialOf(version string) int64 {
	digits, _, _ := strings.Cut(version, "-")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0 // no version, or none that was made here
	}
	return n
}

// write writes a file that everybody may read, and waits for the disk.
func (s *Store) write(name string, data []byte) error {
	f, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close())
}

// mkdir makes a folder that everybody may read.
func (s *Store) mkdir(name string) error {
	if err := s.root.Mkdir(name, 0o755); err != nil {
		return err
	}
	return s.root.Chmod(name, 0o755)
}
