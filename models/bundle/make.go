package bundle

import (
	"archive/tar"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"slips-ips/models"
)

// Make makes a bundle of the models in the folder dir, and signs it; m has its
// serial, version, time and minimal program. Every file of the folder must have
// the name of a model, since whoever gets the bundle refuses it else.
func Make(dir string, m Manifest, key ed25519.PrivateKey) (Bundle, error) {
	b, err := makeBundle(dir, m, key)
	if err != nil {
		return Bundle{}, fmt.Errorf("making a bundle of %s: %w", dir, err)
	}
	return b, nil
}

func makeBundle(dir string, m Manifest, key ed25519.PrivateKey) (Bundle, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return Bundle{}, errors.New("the key is no ed25519 key")
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Bundle{}, err
	}
	defer root.Close()
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return Bundle{}, err
	}
	b := Bundle{Key: Key{public: public}}
	m.Format, m.Created, m.Files = format, m.Created.UTC().Truncate(time.Second), nil
	for _, e := range entries {
		if !modelName(e.Name()) {
			return Bundle{}, fmt.Errorf("%.200q cannot be in a bundle: only models can (*.toml, *.stfm), with letters, digits, dots, dashes and underlines in their names", e.Name())
		}
		data, err := readIn(root, e.Name(), models.MaxFileSize)
		if err != nil {
			return Bundle{}, err
		}
		sum := sha256.Sum256(data)
		m.Files = append(m.Files, File{Name: e.Name(), Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
		b.files = append(b.files, data)
	}
	b.Manifest = m
	if b.manifest, err = m.encode(); err != nil {
		return Bundle{}, err
	}
	b.signature = ed25519.Sign(key, b.manifest)
	return b, nil
}

// Write writes a bundle as a .tar.gz. The same bundle gives the same bytes.
func (b Bundle) Write(w io.Writer) error {
	gz := gzip.NewWriter(w)
	t := tar.NewWriter(gz)
	err := b.add(t, manifestName, b.manifest)
	if err == nil {
		err = b.add(t, signatureName, b.signature)
	}
	for i, f := range b.Manifest.Files {
		if err == nil {
			err = b.add(t, modelsFolder+"/"+f.Name, b.files[i])
		}
	}
	if err == nil {
		err = t.Close()
	}
	if err == nil {
		err = gz.Close()
	}
	if err != nil {
		return fmt.Errorf("writing a bundle: %w", err)
	}
	return nil
}

func (b Bundle) add(t *tar.Writer, name string, data []byte) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644, ModTime: b.Manifest.Created}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(data)
	return err
}
