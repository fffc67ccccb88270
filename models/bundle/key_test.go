package bundle

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"slips-ips/internal/testenv"
)

func TestReadKeys(t *testing.T) {
	dir := folder(t, map[string]string{"a.pem": string(publicPEM(t, ourKey)), "README": "x"})
	file := filepath.Join(folder(t, map[string]string{"b.key": string(publicPEM(t, otherKey))}), "b.key")
	keys, err := ReadKeys([]string{filepath.Join(dir, "missing"), dir, file})
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 2 || !keys[0].public.Equal(ourKey.public) || keys[0].File != filepath.Join(dir, "a.pem") || !keys[1].public.Equal(otherKey.public) {
		t.Errorf("keys %v", keys)
	}
}

func TestReadKeysRefuses(t *testing.T) {
	our := string(publicPEM(t, ourKey))
	private, err := x509.MarshalPKCS8PrivateKey(ourPrivate)
	if err != nil {
		t.Fatal(err)
	}
	many := map[string]string{}
	for i := range maxKeys + 1 {
		many[strings.Repeat("a", i+1)+".pem"] = our
	}
	for _, tt := range []struct {
		name, want string
		files      map[string]string
		change     func(dir string) error
	}{
		{"no key", "it is no public key in PEM", map[string]string{"a.pem": "hello"}, nil},
		{"a private key", "it is no public key in PEM", map[string]string{"a.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))}, nil},
		{"two keys", "it has more than one key", map[string]string{"a.pem": our + our}, nil},
		{"damaged", "a.pem", map[string]string{"a.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}))}, nil},
		{"large", "it is larger than", map[string]string{"a.pem": our + strings.Repeat("\n", maxKeyFile)}, nil},
		{"too many", "there are more than 64", many, nil},
		{"a folder for a file", "no regular file", map[string]string{"a.pem/x": our}, nil},
		{"a dangling symlink", "no such file", nil, func(dir string) error { return os.Symlink("nowhere", filepath.Join(dir, "a.pem")) }},
		{"everybody's file", "everybody may write it", map[string]string{"a.pem": our}, func(dir string) error { return os.Chmod(filepath.Join(dir, "a.pem"), 0o666) }},
		{"everybody's folder", "and so add a key", map[string]string{"a.pem": our}, func(dir string) error { return os.Chmod(dir, 0o777) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t, tt.files)
			if tt.change != nil {
				if err := tt.change(dir); err != nil {
					t.Fatal(err)
				}
			}
			keys, err := ReadKeys([]string{dir})
			if err == nil || keys != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("keys %v, error %v, want one with %q", keys, err, tt.want)
			}
		})
	}
}

// An admin can make keys, sign and verify with openssl alone.
func TestOpenSSL(t *testing.T) {
	program := testenv.Program(t, "openssl")
	dir := t.TempDir()
	openssl := func(args ...string) ([]byte, error) {
		cmd := exec.Command(program, args...)
		cmd.Dir = dir
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			err = errors.New(err.Error() + ": " + stderr.String())
		}
		return out, err
	}
	must := func(args ...string) []byte {
		t.Helper()
		out, err := openssl(args...)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	put := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}

	must("genpkey", "-algorithm", "ed25519", "-out", "private.pem")
	must("pkey", "-in", "private.pem", "-pubout", "-out", "public.pem")
	text, err := os.ReadFile(filepath.Join(dir, "private.pem"))
	if err != nil {
		t.Fatal(err)
	}
	private, err := ParsePrivate(text)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ReadKeys([]string{filepath.Join(dir, "public.pem")})
	if err != nil || len(keys) != 1 || !keys[0].public.Equal(private.Public()) {
		t.Fatalf("keys %v, error %v", keys, err)
	}
	put("key.der", must("pkey", "-pubin", "-in", "public.pem", "-outform", "DER"))
	if out := string(must("dgst", "-sha256", "-r", "key.der")); !strings.HasPrefix(out, keys[0].Fingerprint()+" ") {
		t.Errorf("openssl says %q, the fingerprint is %s", out, keys[0].Fingerprint())
	}

	// What is signed here.
	b, err := Make(folder(t, map[string]string{"a.toml": model("a-1")}), Manifest{Serial: 1, Version: "1", Created: created}, private)
	if err != nil {
		t.Fatal(err)
	}
	put(manifestName, b.manifest)
	put(signatureName, b.signature)
	verify := []string{"pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-rawin", "-in", manifestName, "-sigfile", signatureName}
	must(verify...)
	put(manifestName, append(b.manifest, '\n'))
	if _, err := openssl(verify...); err == nil {
		t.Error("openssl takes a changed manifest")
	}

	// What is signed there.
	put(manifestName, b.manifest)
	must("pkeyutl", "-sign", "-inkey", "private.pem", "-rawin", "-in", manifestName, "-out", signatureName)
	if err := os.Mkdir(filepath.Join(dir, modelsFolder), 0o755); err != nil {
		t.Fatal(err)
	}
	put("models/a.toml", []byte(model("a-1")))
	if _, err := ReadFile(dir, keys); err != nil {
		t.Error(err)
	}
}

func TestParsePrivateRefuses(t *testing.T) {
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":   {"", "it is no private key in PEM"},
		"public":    {string(publicPEM(t, ourKey)), "it is no private key in PEM"},
		"encrypted": {string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("x")})), "it is encrypted; decrypt it on the way"},
		"damaged":   {string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})), "asn1"},
	} {
		if key, err := ParsePrivate([]byte(tt.text)); err == nil || key != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
	der, err := x509.MarshalPKCS8PrivateKey(ourPrivate)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ParsePrivate(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err != nil || !key.Equal(ourPrivate) {
		t.Errorf("key %v, error %v", key, err)
	}
}
