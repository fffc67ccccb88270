package bundle

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"slips-ips/models"
)

// Check tells whether models can be put in force.
type Check func(set []models.Model) error

// load reads the models of a folder, each of whose files must be one.
func load(dir string, check Check) error {
	set, refused, err := models.LoadDir(dir)
	if err := errors.Join(append(refused, err)...); err != nil {
		return err
	}
	return check(set)
}

// Change is a switch to another version. It is in force, and can be undone until
// Keep is called.
type Change struct {
	store *Store
	// Changed is false where the version was in force already.
	Changed bool
	// Bundle is in force; From is the serial of what was before, 0 for nothing.
	Bundle Bundle
	From   int64

	current, previous string // as they were
	made              string // the version that was unpacked for it
}

// Install unpacks a bundle beside the version in force, has it checked, and
// switches to it. ErrOlder where it is not newer than all that was in force,
// unless force is given. What is in force is not changed with an error. A bundle
// that is in force already is installed again only where it is damaged.
func (s *Store) Install(b Bundle, force bool, check Check) (Change, error) {
	c, err := s.install(b, force, check)
	if err != nil {
		return Change{}, fmt.Errorf("installing the models %d (%s) in %s: %w", b.Manifest.Serial, b.Manifest.Version, s.path, err)
	}
	return c, nil
}

func (s *Store) install(b Bundle, force bool, check Check) (Change, error) {
	c, err := s.change(b)
	if err != nil {
		return c, err
	}
	again := isOf(c.current, b)
	if again && s.intact(c.current, b) {
		return c, nil
	}
	highest, err := s.highest(c.current)
	if err != nil {
		return c, err
	}
	if !force && !again && b.Manifest.Serial <= highest {
		return c, fmt.Errorf("serial %d was in force here already: %w", highest, ErrOlder)
	}
	if err := s.unpack(b); err != nil {
		return c, fmt.Errorf("unpacking: %w", err)
	}
	if err := load(filepath.Join(s.path, newName, modelsFolder), check); err != nil {
		return c, errors.Join(err, s.root.RemoveAll(newName))
	}
	if c.made, err = s.settle(b.name(), c); err != nil {
		return c, err
	}
	before := c.current
	if again {
		before = c.previous // nobody wants the damaged one back
	}
	return s.switchTo(c, c.made, before)
}

// change begins a change from what is in force.
func (s *Store) change(b Bundle) (Change, error) {
	c := Change{store: s, Bundle: b}
	var err error
	if c.current, err = s.link(currentLink); err != nil {
		return c, err
	}
	if c.previous, err = s.link(previousLink); err != nil {
		return c, err
	}
	c.From = serialOf(c.current)
	return c, nil
}

// isOf tells whether a version was installed from b, damaged since or not.
func isOf(version string, b Bundle) bool {
	return version == b.name() || strings.HasPrefix(version, b.name()+".")
}

// intact tells whether a version is b, to the last byte.
func (s *Store) intact(version string, b Bundle) bool {
	sub, err := s.root.OpenRoot(version)
	if err != nil {
		return false
	}
	defer sub.Close()
	installed, err := readRoot(sub, []Key{b.Key})
	return err == nil && installed.same(b)
}

// unpack writes b into a folder that is not in use.
func (s *Store) unpack(b Bundle) error {
	if err := s.root.RemoveAll(newName); err != nil { // of one that was interrupted
		return err
	}
	err := errors.Join(s.mkdir(newName), s.mkdir(newName+"/"+modelsFolder))
	for i, f := range b.Manifest.Files {
		if err == nil {
			err = s.write(newName+"/"+modelsFolder+"/"+f.Name, b.files[i])
		}
	}
	if err == nil {
		err = errors.Join(s.write(newName+"/"+manifestName, b.manifest), s.write(newName+"/"+signatureName, b.signature))
	}
	if err == nil {
		err = errors.Join(s.sync(newName+"/"+modelsFolder), s.sync(newName))
	}
	if err != nil {
		return errors.Join(err, s.root.RemoveAll(newName))
	}
	return nil
}

// settle gives what was unpacked its name.
func (s *Store) settle(name string, c Change) (string, error) {
	version := name
	for i := 1; version == c.current || version == c.previous; i++ {
		version = name + "." + strconv.Itoa(i)
	}
	if err := s.root.RemoveAll(version); err != nil { // in nobody's use
		return "", err
	}
	if err := s.root.Rename(newName, version); err != nil {
		return "", err
	}
	return version, s.sync(".")
}

// switchTo puts a version in force. Where it fails it leaves all as it was.
func (s *Store) switchTo(c Change, current, previous string) (Change, error) {
	c.Changed = true
	err := s.point(previousLink, previous)
	if err == nil {
		err = s.point(currentLink, current)
	}
	if err != nil {
		return c, errors.Join(err, c.Undo())
	}
	return c, nil
}

// Rollback switches to the version before the one in force, once: then there is
// none before. It is checked against keys and by check first. ErrNothing where
// there is none.
func (s *Store) Rollback(keys []Key, check Check) (Change, error) {
	c, err := s.rollback(keys, check)
	if err != nil {
		return Change{}, fmt.Errorf("going back to the models before, in %s: %w", s.path, err)
	}
	return c, nil
}

func (s *Store) rollback(keys []Key, check Check) (Change, error) {
	c, err := s.change(Bundle{})
	if err != nil {
		return c, err
	}
	if c.previous == "" || c.previous == c.current {
		return c, fmt.Errorf("%w; [detection] models = \"\" goes back to the ones built in", ErrNothing)
	}
	sub, err := s.root.OpenRoot(c.previous)
	if err != nil {
		return c, err
	}
	defer sub.Close()
	if c.Bundle, err = readRoot(sub, keys); err != nil {
		return c, err
	}
	if err := load(filepath.Join(s.path, c.previous, modelsFolder), check); err != nil {
		return c, err
	}
	// Whatever is gone back from is remembered, so that an update that runs every
	// night does not bring it again.
	highest, err := s.highest(c.current)
	if err != nil {
		return c, err
	}
	if err := s.remember(highest); err != nil {
		return c, err
	}
	return s.switchTo(c, c.previous, "")
}

// Undo switches back to what was in force before.
func (c Change) Undo() error {
	if !c.Changed {
		return nil
	}
	err := errors.Join(c.store.point(currentLink, c.current), c.store.point(previousLink, c.previous))
	if err == nil && c.made != "" {
		err = c.store.root.RemoveAll(c.made)
	}
	if err != nil {
		return fmt.Errorf("switching back to the models before, in %s: %w", c.store.path, err)
	}
	return nil
}

// Keep makes a change last: the serial is remembered, and versions that are
// neither in force nor the one before are removed.
func (c Change) Keep() error {
	if !c.Changed {
		return nil
	}
	s := c.store
	current, err := s.link(currentLink)
	if err != nil {
		return err
	}
	highest, err := s.highest(current)
	if err == nil {
		err = s.remember(highest)
	}
	if err == nil {
		err = s.prune()
	}
	if err != nil {
		return fmt.Errorf("the models are in force, but tidying %s failed: %w", s.path, err)
	}
	return nil
}

func (s *Store) remember(serial int64) error {
	if err := s.root.RemoveAll(linkName); err != nil {
		return err
	}
	if err := s.write(linkName, []byte(strconv.FormatInt(serial, 10)+"\n")); err != nil {
		return err
	}
	return s.root.Rename(linkName, serialFile)
}

func (s *Store) prune() error {
	current, err := s.link(currentLink)
	if err != nil {
		return err
	}
	previous, err := s.link(previousLink)
	if err != nil {
		return err
	}
	dir, err := s.root.Open(".")
	if err != nil {
		return err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	for _, name := range names {
		if versionName.MatchString(name) && name != current && name != previous {
			err = errors.Join(err, s.root.RemoveAll(name))
		}
	}
	return err
}
