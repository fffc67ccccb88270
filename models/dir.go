package models

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// The ends of the names of model files.
const (
	extTOML = ".toml"
	extSTFM = ".stfm"
)

// LoadFile reads one model, a .toml or a .stfm file. Files that are not
// regular or larger than MaxFileSize are not opened.
func LoadFile(path string) (Model, error) {
	ext := filepath.Ext(path)
	if ext != extTOML && ext != extSTFM {
		return Model{}, fmt.Errorf("read model %s: its name ends neither in %s nor in %s", path, extTOML, extSTFM)
	}
	f, err := openModel(path)
	if err != nil {
		return Model{}, err
	}
	defer f.Close()
	if ext == extSTFM {
		return ImportSTFM(f, path)
	}
	return Read(f, path)
}

// openModel opens what may be a model: to open a pipe or a device could last
// for ever or have an effect.
func openModel(path string) (*os.File, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read model: %w", err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("read model %s: it is no regular file", path)
	case info.Size() > MaxFileSize:
		return nil, fmt.Errorf("read model %s: %w", path, errTooLarge)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	return f, nil
}

// LoadDir reads all models of a folder, *.toml and *.stfm, sorted by file name
// in byte order. Subfolders are passed over. What is no model, cannot be read
// or is refused is left out, and a warning names the file and the reason; from
// MaxModels on nothing more is read. It fails where no model is left, as the
// original's loader did, since nothing would ever be detected.
func LoadDir(dir string) (set []Model, warnings []error, err error) {
	// A symlink that is switched to other models meanwhile must not lead to some of
	// these and some of those.
	if resolved, err := filepath.EvalSymlinks(dir); err == nil { // else reading it says why
		dir = resolved
	}
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return nil, nil, fmt.Errorf("load models: %w", err)
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			continue
		}
		if len(set) == MaxModels {
			warnings = append(warnings, fmt.Errorf("load models from %s: more than %d models; %s and what follows is left out",
				dir, MaxModels, entry.Name()))
			break
		}
		m, err := LoadFile(path)
		if err != nil {
			warnings = append(warnings, err)
			continue
		}
		set = append(set, m)
	}
	if len(set) == 0 {
		return nil, warnings, fmt.Errorf("load models from %s: none of its files is a model (*%s or *%s)", dir, extTOML, extSTFM)
	}
	return set, warnings, nil
}

//go:embed builtin/*.toml
var builtinFiles embed.FS

var loadBuiltin = sync.OnceValues(func() ([]Model, error) {
	entries, err := builtinFiles.ReadDir("builtin") // sorted by name
	if err != nil {
		return nil, err
	}
	var set []Model
	var errs []error
	for _, entry := range entries {
		f, err := builtinFiles.Open("builtin/" + entry.Name())
		if err != nil {
			return nil, err
		}
		m, err := Read(f, entry.Name())
		set, errs = append(set, m), append(errs, err)
	}
	return set, errors.Join(errs...)
})

// Builtin gives the models that are built into the program, sorted by file
// name. The slice belongs to the caller. It fails where they were built wrong.
func Builtin() ([]Model, error) {
	set, err := loadBuiltin()
	if err != nil {
		return nil, fmt.Errorf("reading the models built into this program: %w", err)
	}
	return slices.Clone(set), nil
}
