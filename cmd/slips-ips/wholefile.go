package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/google/renameio/v2"
)

// wholeFile is a file that is there with all that belongs into it, or as it was. It is
// begun before the work that its contents take: where it cannot be written nobody
// waits for them in vain.
type wholeFile struct {
	path    string
	pending *renameio.PendingFile
}

func newWholeFile(path string) (*wholeFile, error) {
	pending, err := renameio.NewPendingFile(path, renameio.WithPermissions(0o644))
	var at *fs.PathError
	switch {
	case errors.As(err, &at): // its path is that of a file that nobody has heard of
		return nil, fmt.Errorf("writing %s: %w; does its folder exist, and may you write there?", path, at.Err)
	case err != nil:
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	return &wholeFile{path, pending}, nil
}

// drop leaves the file as it was, unless it was written.
func (f *wholeFile) drop() { _ = f.pending.Cleanup() }

// write fills the file and puts it in its place.
func (f *wholeFile) write(write func(io.Writer) error) error {
	if err := write(f.pending); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	if err := f.pending.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("writing %s: %w", f.path, err)
	}
	return nil
}
