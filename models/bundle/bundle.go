package bundle

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"slips-ips/models"
)

// The names in a bundle.
const (
	manifestName  = "manifest.toml"
	signatureName = "manifest.toml.sig"
	modelsFolder  = "models"
)

// Bundle is a bundle whose signature and content were found right. It is never
// changed.
type Bundle struct {
	Manifest Manifest
	// Key is the one that signed it.
	Key Key

	manifest, signature []byte
	files               [][]byte // of Manifest.Files, in their order
}

// open checks the signature before it parses what is signed.
func open(manifest, signature []byte, keys []Key) (Bundle, error) {
	key, err := verify(manifest, signature, keys)
	if err != nil {
		return Bundle{}, err
	}
	m, err := ParseManifest(manifest)
	if err != nil {
		return Bundle{}, err
	}
	return Bundle{Manifest: m, Key: key, manifest: manifest, signature: signature, files: make([][]byte, len(m.Files))}, nil
}

// put takes the content of a file.
func (b *Bundle) put(name string, data []byte) error {
	i := slices.IndexFunc(b.Manifest.Files, func(f File) bool { return f.Name == name })
	switch {
	case i < 0:
		return fmt.Errorf("%s/%s is not in the manifest", modelsFolder, name)
	case b.files[i] != nil:
		return fmt.Errorf("%s/%s is there twice", modelsFolder, name)
	}
	b.files[i] = data
	return b.Manifest.Files[i].check(data)
}

// complete tells which file is missing.
func (b *Bundle) complete() error {
	for i, f := range b.Manifest.Files {
		if b.files[i] == nil {
			return fmt.Errorf("%s/%s is missing", modelsFolder, f.Name)
		}
	}
	return nil
}

// name is that of the folder of an installed bundle: two of one serial have two.
func (b *Bundle) name() string {
	sum := sha256.Sum256(b.manifest)
	return fmt.Sprintf("%d-%s", b.Manifest.Serial, hex.EncodeToString(sum[:6]))
}

// same tells whether both are of one manifest.
func (b *Bundle) same(other Bundle) bool { return bytes.Equal(b.manifest, other.manifest) }

// Models reads the models. Each file must be one.
func (b Bundle) Models() ([]models.Model, error) {
	var set []models.Model
	var errs []error
	for i, f := range b.Manifest.Files {
		read := models.Read
		if path.Ext(f.Name) == ".stfm" {
			read = models.ImportSTFM
		}
		m, err := read(bytes.NewReader(b.files[i]), f.Name)
		set, errs = append(set, m), append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return set, nil
}

// ReadFile reads a bundle from a folder or an archive, and checks all of it
// against keys and manifest.
func ReadFile(file string, keys []Key) (Bundle, error) {
	info, err := os.Stat(file)
	if err == nil && info.IsDir() {
		return ReadDir(file, keys)
	}
	data, _, err := readRegular(file, MaxArchive)
	if err != nil {
		return Bundle{}, fmt.Errorf("reading the bundle %s: %w", file, err)
	}
	b, err := Read(bytes.NewReader(data), keys)
	if err != nil {
		return Bundle{}, fmt.Errorf("reading the bundle %s: %w", file, err)
	}
	return b, nil
}

// ReadDir reads a bundle from a folder. Its models folder must have what the
// manifest lists and nothing else: whoever loads it would load that as well.
func ReadDir(dir string, keys []Key) (Bundle, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Bundle{}, fmt.Errorf("reading the bundle: %w", err)
	}
	defer root.Close()
	b, err := readRoot(root, keys)
	if err != nil {
		return Bundle{}, fmt.Errorf("reading the bundle %s: %w", dir, err)
	}
	return b, nil
}

func readRoot(root *os.Root, keys []Key) (Bundle, error) {
	manifest, err := readIn(root, manifestName, MaxManifest)
	if err != nil {
		return Bundle{}, err
	}
	signature, err := readIn(root, signatureName, maxKeyFile)
	if err != nil {
		return Bundle{}, err
	}
	b, err := open(manifest, signature, keys)
	if err != nil {
		return Bundle{}, err
	}
	dir, err := root.Open(modelsFolder)
	if err != nil {
		return Bundle{}, err
	}
	defer dir.Close()
	// One more than there may be: enough to know that there are too many.
	entries, err := dir.ReadDir(len(b.Manifest.Files) + 1)
	if err != nil && err != io.EOF { //nolint:errorlint // as documented
		return Bundle{}, err
	}
	for _, e := range entries {
		if !slices.ContainsFunc(b.Manifest.Files, func(f File) bool { return f.Name == e.Name() }) {
			return Bundle{}, fmt.Errorf("%.200q is not in the manifest", modelsFolder+"/"+e.Name())
		}
	}
	for _, f := range b.Manifest.Files {
		data, err := readIn(root, modelsFolder+"/"+f.Name, f.Size)
		if err != nil {
			return Bundle{}, err
		}
		if err := b.put(f.Name, data); err != nil {
			return Bundle{}, err
		}
	}
	return b, b.complete()
}

// readIn reads a regular file of at most most bytes, no symlink.
func readIn(root *os.Root, name string, most int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("it is no regular file")}
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", name, most)
	}
	return data, err
}
