package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slips-ips/models"
)

func fine([]models.Model) error { return nil }

var errRefused = errors.New("refused")

func refused([]models.Model) error { return errRefused }

func openStoreAt(t *testing.T, path string) *Store {
	t.Helper()
	s, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// install installs a bundle for good.
func install(t *testing.T, s *Store, b Bundle) Change {
	t.Helper()
	c, err := s.Install(b, false, fine)
	if err == nil {
		err = c.Keep()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// inForce is the serial of the models that an agent would load, and those of the
// other versions that are kept.
type inForce struct {
	Serial int64
	Kept   int
}

func stateOf(t *testing.T, path string) inForce {
	t.Helper()
	b, err := ReadInstalled(path, trusted)
	if err != nil {
		t.Fatal(err)
	}
	set, refused, err := models.LoadDir(ModelsIn(path))
	if err != nil || refused != nil {
		t.Fatal(refused, err)
	}
	if want := "From-Normal-TCP-HTTPS-b-" + strings.TrimPrefix(b.Manifest.Version, "v"); set[1].Label != want {
		t.Errorf("the manifest says %s, the models are %s", want, set[1].Label)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	state := inForce{Serial: b.Manifest.Serial, Kept: -1}
	for _, e := range entries {
		if e.IsDir() {
			state.Kept++
			if !versionName.MatchString(e.Name()) {
				t.Errorf("the folder %s is left", e.Name())
			}
		}
	}
	return state
}

func wantState(t *testing.T, path string, want inForce) {
	t.Helper()
	if diff := cmp.Diff(want, stateOf(t, path)); diff != "" {
		t.Errorf("in force (-want, +got):\n%s", diff)
	}
}

func TestStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "models")
	if _, err := ReadInstalled(path, trusted); !errors.Is(err, ErrNothing) {
		t.Errorf("of nothing: %v", err)
	}
	s := openStoreAt(t, path)
	if _, err := s.Rollback(trusted, fine); !errors.Is(err, ErrNothing) {
		t.Errorf("back from nothing: %v", err)
	}
	if c := install(t, s, signed(t, 1)); !c.Changed || c.From != 0 {
		t.Errorf("the first: %v", c)
	}
	wantState(t, path, inForce{1, 0})
	if _, err := s.Rollback(trusted, fine); !errors.Is(err, ErrNothing) {
		t.Errorf("back from the first: %v", err)
	}
	install(t, s, signed(t, 2))
	if c := install(t, s, signed(t, 3)); c.From != 2 {
		t.Errorf("after 2: %v", c)
	}
	wantState(t, path, inForce{3, 1})
	if c := install(t, s, signed(t, 3)); c.Changed {
		t.Error("the same again is a change")
	}
	if _, err := s.Install(signed(t, 2), false, fine); !errors.Is(err, ErrOlder) {
		t.Errorf("an older one: %v", err)
	}
	other, err := Make(folder(t, map[string]string{"a.toml": model("a-1"), "b.toml": model("b-3")}), Manifest{Serial: 3, Version: "v3", Created: created.AddDate(0, 0, 1)}, ourPrivate)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Install(other, false, fine); !errors.Is(err, ErrOlder) {
		t.Errorf("another one of the same serial: %v", err)
	}
	wantState(t, path, inForce{3, 1})

	// Back, once; and what was gone back from does not come by itself.
	c, err := s.Rollback(trusted, fine)
	if err != nil || c.From != 3 || c.Bundle.Manifest.Serial != 2 {
		t.Fatalf("back: %v, error %v", c, err)
	}
	if err := c.Keep(); err != nil {
		t.Fatal(err)
	}
	wantState(t, path, inForce{2, 0})
	if _, err := s.Rollback(trusted, fine); !errors.Is(err, ErrNothing) {
		t.Errorf("back twice: %v", err)
	}
	if _, err := s.Install(signed(t, 3), false, fine); !errors.Is(err, ErrOlder) {
		t.Errorf("what was gone back from: %v", err)
	}
	if c, err = s.Install(signed(t, 3), true, fine); err != nil || c.Keep() != nil {
		t.Errorf("the same by force: %v", err)
	}
	wantState(t, path, inForce{3, 1})
	install(t, s, signed(t, 4))
	wantState(t, path, inForce{4, 1})

	// An older one by force, which is the version before: it is there twice.
	for _, serial := range []int64{3, 4, 3} {
		if c, err = s.Install(signed(t, serial), true, fine); err != nil || c.Keep() != nil {
			t.Fatal(err)
		}
		wantState(t, path, inForce{serial, 1})
	}
	if _, err := s.Install(signed(t, 4), false, fine); !errors.Is(err, ErrOlder) {
		t.Errorf("the greatest serial is forgotten: %v", err)
	}
}

// Nothing has changed after an error, and after a change that is undone.
func TestStoreAllOrNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "models")
	s := openStoreAt(t, path)
	if _, err := s.Install(signed(t, 1), false, refused); !errors.Is(err, errRefused) {
		t.Fatalf("error %v", err)
	}
	if _, err := ReadInstalled(path, trusted); !errors.Is(err, ErrNothing) {
		t.Errorf("after a first that was refused: %v", err)
	}
	undone := func(serial int64) {
		t.Helper()
		c, err := s.Install(signed(t, serial), false, fine)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := ReadInstalled(path, trusted); err != nil || b.Manifest.Serial != serial {
			t.Errorf("before it is undone: %v, error %v", b.Manifest, err)
		}
		if err := c.Undo(); err != nil {
			t.Fatal(err)
		}
	}
	undone(1)
	if _, err := ReadInstalled(path, trusted); !errors.Is(err, ErrNothing) {
		t.Errorf("after a first that was undone: %v", err)
	}
	install(t, s, signed(t, 1))
	install(t, s, signed(t, 2))
	undone(3)
	wantState(t, path, inForce{2, 1})
	if _, err := s.Install(signed(t, 3), false, refused); !errors.Is(err, errRefused) {
		t.Errorf("error %v", err)
	}
	if _, err := s.Rollback(trusted, refused); !errors.Is(err, errRefused) {
		t.Errorf("error %v", err)
	}
	if _, err := s.Rollback(trustedByNobody, fine); !errors.Is(err, ErrUntrusted) {
		t.Errorf("back to what is not trusted any more: %v", err)
	}
	wantState(t, path, inForce{2, 1})
	c, err := s.Rollback(trusted, fine)
	if err != nil {
		t.Fatal(err)
	}
	wantState(t, path, inForce{1, 1})
	if err := c.Undo(); err != nil {
		t.Fatal(err)
	}
	wantState(t, path, inForce{2, 1})
	install(t, s, signed(t, 3)) // what was undone is none that was in force
	wantState(t, path, inForce{3, 1})

	// What is no model is refused, though it is signed.
	bad, err := Make(folder(t, map[string]string{"a.toml": model("a-1"), "b.toml": "label = 1\n"}), Manifest{Serial: 9, Version: "v9", Created: created}, ourPrivate)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Install(bad, false, fine); err == nil || !strings.Contains(err.Error(), "b.toml") {
		t.Errorf("error %v", err)
	}
	wantState(t, path, inForce{3, 1})
}

// The same bundle mends what was damaged on the disk.
func TestStoreMends(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"a changed model":     func(dir string) error { return os.WriteFile(filepath.Join(dir, "models/a.toml"), []byte("x"), 0o644) },
		"a model less":        func(dir string) error { return os.Remove(filepath.Join(dir, "models/a.toml")) },
		"a model more":        func(dir string) error { return os.WriteFile(filepath.Join(dir, "models/c.toml"), []byte("x"), 0o644) },
		"a changed manifest":  func(dir string) error { return os.WriteFile(filepath.Join(dir, manifestName), []byte("x"), 0o644) },
		"a changed signature": func(dir string) error { return os.WriteFile(filepath.Join(dir, signatureName), []byte("x"), 0o644) },
		"all gone":            os.RemoveAll,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "models")
			s := openStoreAt(t, path)
			install(t, s, signed(t, 1))
			install(t, s, signed(t, 2))
			dir, err := filepath.EvalSymlinks(filepath.Join(path, currentLink))
			if err != nil {
				t.Fatal(err)
			}
			for range 3 { // also what was mended
				if err := damage(dir); err != nil {
					t.Fatal(err)
				}
				if _, err := ReadInstalled(path, trusted); err == nil {
					t.Error("the damage is not seen")
				}
				if c := install(t, s, signed(t, 2)); !c.Changed {
					t.Error("nothing was mended")
				}
				wantState(t, path, inForce{2, 1})
				if dir, err = filepath.EvalSymlinks(filepath.Join(path, currentLink)); err != nil {
					t.Fatal(err)
				}
			}
			if c, err := s.Rollback(trusted, fine); err != nil || c.Bundle.Manifest.Serial != 1 {
				t.Errorf("back: %v, error %v", c, err)
			}
		})
	}
}

// What an update left that was interrupted is in nobody's way.
func TestStoreAfterInterruption(t *testing.T) {
	path := filepath.Join(t.TempDir(), "models")
	s := openStoreAt(t, path)
	install(t, s, signed(t, 1))
	next := signed(t, 2)
	for _, name := range []string{newName + "/models", next.name() + "/models"} {
		if err := os.MkdirAll(filepath.Join(path, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(path, linkName)); err != nil {
		t.Fatal(err)
	}
	install(t, s, next)
	wantState(t, path, inForce{2, 1})

	// It was switched, and then the power was cut: the serial counts all the same.
	if _, err := s.Install(signed(t, 3), false, fine); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Install(next, false, fine); !errors.Is(err, ErrOlder) {
		t.Errorf("error %v", err)
	}
	install(t, s, signed(t, 4))
	wantState(t, path, inForce{4, 1})
}

func TestStoreIsOfOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "models")
	s := openStoreAt(t, path)
	if _, err := OpenStore(path); !errors.Is(err, ErrBusy) {
		t.Errorf("a second one: %v", err)
	}
	s.Close()
	openStoreAt(t, path)
}

// Symlinks in the folder lead root nowhere else.
func TestStoreStaysInside(t *testing.T) {
	outside := t.TempDir()
	parent := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(parent, "models")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(filepath.Join(parent, "models")); err == nil {
		t.Error("a folder that is a symlink to elsewhere is opened")
	}
	for _, name := range []string{currentLink, previousLink, newName, linkName, serialFile, lockName} {
		path := filepath.Join(t.TempDir(), "models")
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside, filepath.Join(path, name)); err != nil {
			t.Fatal(err)
		}
		s, err := OpenStore(path)
		if err == nil {
			_, err = s.Install(signed(t, 1), false, fine)
			s.Close()
		}
		t.Logf("%s: %v", name, err)
		if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
			t.Fatalf("with %s a symlink: %v was written elsewhere, error %v", name, entries, err)
		}
	}
}

func TestStoreDamagedSerial(t *testing.T) {
	path := filepath.Join(t.TempDir(), "models")
	s := openStoreAt(t, path)
	install(t, s, signed(t, 1))
	if err := os.WriteFile(filepath.Join(path, serialFile), []byte("many\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Install(signed(t, 2), false, fine); err == nil || !strings.Contains(err.Error(), "is damaged; remove it to begin anew") {
		t.Errorf("error %v", err)
	}
	wantState(t, path, inForce{1, 0})
}

// The agent's user reads what root installed, whatever root's umask is.
func TestStoreIsReadable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "models")
	umask(t, 0o077)
	s := openStoreAt(t, path)
	install(t, s, signed(t, 1))
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == lockName || d.Type() == fs.ModeSymlink {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		want := fs.FileMode(0o644)
		if d.IsDir() {
			want = 0o755
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// umask sets that of the process until the test ends; such a test is not parallel.
func umask(t *testing.T, mask int) {
	t.Helper()
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}
