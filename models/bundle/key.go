package bundle

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Key is a public key that is trusted.
type Key struct {
	// File is where it was found.
	File   string
	public ed25519.PublicKey
}

// The bounds of keys.
const (
	maxKeys    = 64
	maxKeyFile = 16 << 10 // bytes
)

// Fingerprint is the SHA-256 of the key's SubjectPublicKeyInfo, in hexadecimal:
// openssl pkey -pubin -in key.pem -outform DER | sha256sum
func (k Key) Fingerprint() string {
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		return "" // not with an ed25519 key
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// ReadKeys reads public keys from files and from the *.pem of folders; a folder
// or file that is missing has none. A key that cannot be read, is none of
// ed25519, or that everybody may write, is an error: an admin who put it there
// believes that it counts.
func ReadKeys(paths []string) ([]Key, error) {
	var keys []Key
	for _, path := range paths {
		files, err := keyFiles(path)
		if err != nil {
			return nil, fmt.Errorf("reading the keys that are trusted: %w", err)
		}
		for _, file := range files {
			found, err := readKey(file)
			if err != nil {
				return nil, fmt.Errorf("reading the key %s: %w", file, err)
			}
			if keys = append(keys, found); len(keys) > maxKeys {
				return nil, fmt.Errorf("reading the keys that are trusted: there are more than %d", maxKeys)
			}
		}
	}
	return keys, nil
}

func keyFiles(path string) ([]string, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.IsDir():
		return []string{path}, nil
	case info.Mode().Perm()&0o002 != 0:
		return nil, fmt.Errorf("everybody may write into %s, and so add a key: chmod o-w it", path)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".pem" {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	return files, nil
}

func readKey(file string) (Key, error) {
	data, mode, err := readRegular(file, maxKeyFile)
	if err != nil {
		return Key{}, err
	}
	if mode.Perm()&0o002 != 0 {
		return Key{}, errors.New("everybody may write it: chmod o-w it")
	}
	public, err := parsePublic(data)
	return Key{file, public}, err
}

// parsePublic reads one ed25519 key as openssl pkey -pubout writes it.
func parsePublic(data []byte) (ed25519.PublicKey, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("it is no public key in PEM (openssl pkey -in private.pem -pubout)")
	}
	if more, _ := pem.Decode(rest); more != nil {
		return nil, errors.New("it has more than one key; use a file for each")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	public, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, errors.New("it is no ed25519 key")
	}
	return public, nil
}

// ParsePrivate reads an ed25519 key that is not encrypted, as openssl genpkey
// -algorithm ed25519 writes it.
func ParsePrivate(data []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(data)
	switch {
	case block != nil && block.Type == "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("it is encrypted; decrypt it on the way: openssl pkey -in private.pem | slips-ips models sign --key -")
	case block == nil || block.Type != "PRIVATE KEY":
		return nil, errors.New("it is no private key in PEM (openssl genpkey -algorithm ed25519)")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("it is no ed25519 key")
	}
	return private, nil
}

// ErrUntrusted says that the signature is of none of the keys that are trusted.
var ErrUntrusted = errors.New("the signature is of none of the keys that are trusted")

// verify gives the key that signed the manifest.
func verify(manifest, signature []byte, keys []Key) (Key, error) {
	if len(keys) == 0 {
		return Key{}, errors.New("no key is trusted: put the public key (*.pem) of those who make the models into " + DefaultLocalKeys + " ([models] keys)")
	}
	if len(signature) != ed25519.SignatureSize {
		return Key{}, fmt.Errorf("%s has %d bytes, a signature has %d", signatureName, len(signature), ed25519.SignatureSize)
	}
	for _, k := range keys {
		if ed25519.Verify(k.public, manifest, signature) {
			return k, nil
		}
	}
	return Key{}, fmt.Errorf("%w (%d): it was changed on its way, or made by somebody else; nothing of it was used", ErrUntrusted, len(keys))
}

// readRegular reads a file of at most most bytes. A pipe or a device is not
// opened: that could last for ever or have an effect.
func readRegular(path string, most int64) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("it is no regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("it is larger than %d bytes", most)
	}
	return data, info.Mode(), err
}
