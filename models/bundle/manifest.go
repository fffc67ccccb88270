package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"golang.org/x/mod/semver"

	"slips-ips/models"
)

// The bounds of a bundle. What is beyond them is refused.
const (
	// MaxManifest is the largest manifest, in bytes: 1000 files need 200 KiB.
	MaxManifest = 512 << 10
	// MaxModels is the most model files in a bundle, all that a folder may have.
	MaxModels = models.MaxModels
	// MaxFiles is the sum of the sizes of the model files, in bytes.
	MaxFiles = 64 << 20
	// MaxArchive is the largest archive, in bytes, as it is transferred.
	MaxArchive = 32 << 20
	maxName    = 128
	maxVersion = 64
)

// format is the only one there is. Programs that know a later one still read
// this one; this program refuses a later one.
const format = 1

// Manifest tells what is in a bundle. What is signed is the file that it was
// read from, byte by byte.
type Manifest struct {
	Format int `toml:"format"`
	// Serial orders bundles: a later one has a greater one, from 1.
	Serial int64 `toml:"serial"`
	// Version is for people.
	Version string    `toml:"version"`
	Created time.Time `toml:"created"`
	// MinProgram is the oldest version of slips-ips that the models are for, such
	// as v1.2.0; empty: any.
	MinProgram string `toml:"min_program,omitempty"`
	Files      []File `toml:"file"`
}

// File is a model file of a bundle.
type File struct {
	Name   string `toml:"name"`
	Size   int64  `toml:"size"` // bytes
	SHA256 string `toml:"sha256"`
}

// ParseManifest reads a manifest. Unknown keys and whatever could not be
// installed are errors; with one the Manifest is empty.
func ParseManifest(data []byte) (Manifest, error) {
	fail := func(err error) (Manifest, error) {
		return Manifest{}, fmt.Errorf("%s: %w", manifestName, err)
	}
	if len(data) > MaxManifest {
		return fail(fmt.Errorf("larger than %d KiB", MaxManifest>>10))
	}
	// The format decides what else there may be.
	var which struct {
		Format int `toml:"format"`
	}
	if err := toml.Unmarshal(data, &which); err != nil {
		return fail(err)
	}
	if which.Format != format {
		return fail(fmt.Errorf("format %d is not known here, only %d is: a newer slips-ips may know it", which.Format, format))
	}
	var m Manifest
	meta, err := toml.NewDecoder(bytes.NewReader(data)).Decode(&m)
	if err != nil {
		return fail(err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fail(fmt.Errorf("unknown key %s", unknown[0]))
	}
	if err := m.validate(); err != nil {
		return fail(err)
	}
	m.Created = m.Created.UTC()
	return m, nil
}

func (m Manifest) validate() error {
	switch {
	case m.Serial < 1:
		return fmt.Errorf("serial: %d is not allowed; use 1 or more", m.Serial)
	case !plainText(m.Version, maxVersion):
		return fmt.Errorf("version: %q is not allowed; use 1 to %d printable ASCII characters", m.Version, maxVersion)
	case m.Created.Year() < 2000 || m.Created.Year() > 9999:
		return errors.New("created: a time from the year 2000 on is needed")
	case m.MinProgram != "" && !semver.IsValid(m.MinProgram):
		return fmt.Errorf("min_program: %q is not allowed; use a version such as v1.2.0", m.MinProgram)
	case len(m.Files) == 0:
		return errors.New("file: there is none")
	case len(m.Files) > MaxModels:
		return fmt.Errorf("file: %d are more than %d", len(m.Files), MaxModels)
	}
	var sum int64
	seen := make(map[string]bool, len(m.Files))
	for _, f := range m.Files {
		if err := f.validate(); err != nil {
			return err
		}
		// Else one would hide the other on a disk that ignores letter case.
		name := strings.ToLower(f.Name)
		if seen[name] {
			return fmt.Errorf("file %s: there are two of this name", f.Name)
		}
		seen[name] = true
		sum += f.Size
	}
	if sum > MaxFiles {
		return fmt.Errorf("file: %d bytes together are more than %d", sum, MaxFiles)
	}
	return nil
}

func (f File) validate() error {
	if !modelName(f.Name) {
		return fmt.Errorf("file %q: the name is not allowed; use at most %d letters, digits, dots, dashes and underlines, .toml or .stfm at the end and no dot at the beginning", f.Name, maxName)
	}
	if f.Size < 1 || f.Size > models.MaxFileSize {
		return fmt.Errorf("file %s: size: %d is not allowed; use 1 to %d", f.Name, f.Size, models.MaxFileSize)
	}
	if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size || f.SHA256 != strings.ToLower(f.SHA256) {
		return fmt.Errorf("file %s: sha256: 64 digits 0 to 9 and a to f are needed", f.Name)
	}
	return nil
}

// check tells whether data is the content of f.
func (f File) check(data []byte) error {
	if int64(len(data)) != f.Size {
		return fmt.Errorf("%s has %d bytes and not %d, as the manifest says", f.Name, len(data), f.Size)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.SHA256 {
		return fmt.Errorf("%s is not what the manifest says: its SHA-256 is another one", f.Name)
	}
	return nil
}

// modelName tells whether name can only be that of a model beside the others.
func modelName(name string) bool {
	ext := path.Ext(name)
	if len(name) > maxName || name[:len(name)-len(ext)] == "" || name[0] == '.' || ext != ".toml" && ext != ".stfm" {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && !strings.ContainsRune("._-", r)
	})
}

func plainText(s string, most int) bool {
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// encode gives the file of a manifest that is right.
func (m Manifest) encode() ([]byte, error) {
	if err := m.validate(); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	enc := toml.NewEncoder(&b)
	enc.Indent = ""
	if err := enc.Encode(m); err != nil {
		return nil, err
	}
	if b.Len() > MaxManifest {
		return nil, fmt.Errorf("the manifest is larger than %d KiB", MaxManifest>>10)
	}
	return b.Bytes(), nil
}
