package models

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ImportOptions says what Import notes in the files that it writes.
type ImportOptions struct {
	// Force overwrites files that exist.
	Force bool
	// Licence is that of the imported models; a .stfm file does not tell. For
	// those of the original slips it is GPL-2.0.
	Licence string
	// Data tells what the models were learned from; the name and the SHA-256 of
	// the .stfm file are added. Tool names the program that imports.
	Data, Tool string
	// Learned is the day when they were learned; zero where nobody knows.
	Learned time.Time
}

// Imported tells what became of one file.
type Imported struct {
	// Source is the file read, Target the one written; Target is empty where
	// nothing was written.
	Source, Target string
	// Model is the model as written; its File is the base name of Target.
	Model Model
	// Notes is what the admin should know of a model that was imported.
	Notes []string
	// Err says why the file was not imported.
	Err error
}

// Import converts .stfm files to files of the TOML format in the folder
// dstDir, which is made where it is missing. A source is a file or a folder of
// which all *.stfm are taken. Each target is named after its source, so that
// the order by name stays. A file that exists is not overwritten without
// Force, and two sources of one name are an error in any case. The report has
// an entry for each file; the error says that nothing could be done at all.
func Import(sources []string, dstDir string, opts ImportOptions) ([]Imported, error) {
	if len(sources) == 0 {
		return nil, errors.New("import models: no file or folder given")
	}
	if err := os.MkdirAll(dstDir, 0o755); err != nil {
		return nil, fmt.Errorf("import models: make the folder for them: %w", err)
	}
	var report []Imported
	written := make(map[string]string) // target to source
	for _, source := range sources {
		files, err := stfmFiles(source)
		if err != nil {
			report = append(report, Imported{Source: source, Err: err})
			continue
		}
		for _, file := range files {
			report = append(report, importFile(file, dstDir, opts, written))
		}
	}
	return report, nil
}

// stfmFiles gives a source itself, or the .stfm files of a folder.
func stfmFiles(source string) ([]string, error) {
	info, err := os.Stat(source)
	if err != nil {
		return nil, fmt.Errorf("import models: %w", err)
	}
	if !info.IsDir() {
		return []string{source}, nil
	}
	entries, err := os.ReadDir(source)
	if err != nil {
		return nil, fmt.Errorf("import models: %w", err)
	}
	var files []string
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) == extSTFM {
			files = append(files, filepath.Join(source, entry.Name()))
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("import models from %s: it has no *%s file", source, extSTFM)
	}
	return files, nil
}

func importFile(source, dstDir string, opts ImportOptions, written map[string]string) Imported {
	done := Imported{Source: source}
	fail := func(err error) Imported {
		return Imported{Source: source, Err: err}
	}
	if filepath.Ext(source) != extSTFM {
		return fail(fmt.Errorf("import model %s: its name does not end in %s", source, extSTFM))
	}
	f, err := openModel(source)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	data, err := readBounded(f)
	if err != nil {
		return fail(fmt.Errorf("import model %s: %w", source, err))
	}
	m, err := ImportSTFM(bytes.NewReader(data), source)
	if err != nil {
		return fail(err)
	}
	origin := fmt.Sprintf("imported from %s, SHA-256 %x", m.File, sha256.Sum256(data))
	m.Data, m.Tool, m.Licence, m.Learned = origin, opts.Tool, opts.Licence, opts.Learned
	if opts.Data != "" {
		m.Data = opts.Data + "; " + origin
	}
	m.File = strings.TrimSuffix(m.File, extSTFM) + extTOML
	target := filepath.Join(dstDir, m.File)
	if earlier, ok := written[target]; ok {
		return fail(fmt.Errorf("import model %s: %s was just written from %s; import to different folders", source, target, earlier))
	}
	var b bytes.Buffer
	if err := Write(&b, m); err != nil {
		return fail(fmt.Errorf("import model %s: %w", source, err))
	}
	if err := writeFile(target, b.Bytes(), opts.Force); err != nil {
		return fail(fmt.Errorf("import model %s: %w", source, err))
	}
	written[target] = source
	done.Target, done.Model, done.Notes = target, m, m.Notes()
	if m.Licence == "" {
		done.Notes = append(done.Notes, "its licence is not known, as a "+extSTFM+" file does not tell it")
	}
	return done
}

// writeFile writes a file, replacing another only when told to.
func writeFile(path string, data []byte, replace bool) error {
	if !replace {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists; remove it or overwrite it with --force", path)
		}
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		if err := errors.Join(err, f.Close()); err != nil {
			return errors.Join(err, os.Remove(path))
		}
		return nil
	}
	// Whole or not at all: a model in use is not left half written.
	tmp, err := os.CreateTemp(filepath.Dir(path), ".import-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(data)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
