package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/models"
)

// keyOf gives a pair of keys, the same each time.
func keyOf(seed byte) (ed25519.PrivateKey, Key) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return private, Key{"test.pem", private.Public().(ed25519.PublicKey)}
}

var (
	ourPrivate, ourKey = keyOf(1)
	_, otherKey        = keyOf(2)
	created            = time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC)
	trusted            = []Key{otherKey, ourKey}
	trustedByNobody    = []Key{otherKey}
)

// model is a model file of this name.
func model(name string) string {
	return `label = "From-Normal-TCP-HTTPS-` + name + `"
class = "normal"
protocol = "tcp"
kind = "behaviour"

[behaviour]
min_contacts = 5
merge = "500ms"
min_gap = "10m"
max_gap = "22m"
max_gap_spread = 0.1
max_size_spread = 0.5
`
}

// folder makes a folder with files.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// signed makes a bundle with two models, named after the serial.
func signed(t testing.TB, serial int64) Bundle {
	t.Helper()
	dir := folder(t, map[string]string{"a.toml": model("a-1"), "b.toml": model(fmt.Sprint("b-", serial))})
	b, err := Make(dir, Manifest{Serial: serial, Version: fmt.Sprint("v", serial), Created: created}, ourPrivate)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func packed(t testing.TB, b Bundle) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := b.Write(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// entry is one of a tar archive.
type entry struct {
	name, data string
	kind       byte
	link       string
}

func entriesOf(b Bundle) []entry {
	entries := []entry{{name: manifestName, data: string(b.manifest)}, {name: signatureName, data: string(b.signature)}}
	for i, f := range b.Manifest.Files {
		entries = append(entries, entry{name: "models/" + f.Name, data: string(b.files[i])})
	}
	return entries
}

func tarOf(t testing.TB, entries []entry) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Size: int64(len(e.data)), Mode: 0o644, Typeflag: e.kind, Linkname: e.link}
		if e.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func gzipOf(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestRoundTrip(t *testing.T) {
	want := signed(t, 7)
	data := packed(t, want)
	if !bytes.Equal(data, packed(t, signed(t, 7))) {
		t.Error("the same models gave two different archives")
	}
	got, err := Read(bytes.NewReader(data), trusted)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Manifest, got.Manifest); diff != "" {
		t.Errorf("manifest:\n%s", diff)
	}
	if got.Key.File != "test.pem" || got.Key.Fingerprint() != ourKey.Fingerprint() || got.Key.Fingerprint() == otherKey.Fingerprint() {
		t.Errorf("signed with %v", got.Key)
	}
	set, err := got.Models()
	if err != nil || len(set) != 2 || set[1].Label != "From-Normal-TCP-HTTPS-b-7" {
		t.Errorf("models %v, error %v", set, err)
	}

	// The same as a folder, unpacked by hand.
	files := map[string]string{}
	for _, e := range entriesOf(want) {
		files[e.name] = e.data
	}
	got, err = ReadFile(folder(t, files), trusted)
	if err != nil || !got.same(want) {
		t.Errorf("as a folder: %v", err)
	}
}

// Whatever is not exactly what was signed is refused, and nothing of it is given.
func TestRefused(t *testing.T) {
	b := signed(t, 7)
	good := packed(t, b)
	with := func(change func(e []entry) []entry) []byte { return gzipOf(t, tarOf(t, change(entriesOf(b)))) }
	add := func(more entry) []byte { return with(func(e []entry) []entry { return append(e, more) }) }
	bomb := bytes.Repeat([]byte{0}, 1<<20)
	endless := tarOf(t, entriesOf(b))
	var padded bytes.Buffer
	w := gzip.NewWriter(&padded)
	_, _ = w.Write(endless)
	for range maxUnpacked>>20 + 1 {
		_, _ = w.Write(bomb)
	}
	_ = w.Close()
	for _, tt := range []struct {
		name, want string
		data       []byte
		keys       []Key
	}{
		{"of somebody else", "the signature is of none of the keys that are trusted (1)", good, trustedByNobody},
		{"no key", "no key is trusted: put the public key", good, nil},
		{"empty", "it is cut off", nil, trusted},
		{"no archive", "it is no .tar.gz", []byte("<html>not found</html>"), trusted},
		{"no tar", "invalid tar header", gzipOf(t, bytes.Repeat([]byte("x"), 4096)), trusted},
		{"an empty tar", "manifest.toml is missing", gzipOf(t, tarOf(t, nil)), trusted},
		{"cut in the middle", "it is cut off", good[:len(good)/2], trusted},
		{"cut at the checksum", "it is cut off", good[:len(good)-4], trusted},
		{"damaged checksum", "invalid checksum", append(bytes.Clone(good[:len(good)-8]), 1, 2, 3, 4, 5, 6, 7, 8), trusted},
		{"something behind", "something after the end", append(bytes.Clone(good), 'x'), trusted},
		{"another archive behind", "something after the end", append(bytes.Clone(good), good...), trusted},
		{"a changed manifest", "none of the keys", with(func(e []entry) []entry {
			e[0].data = strings.Replace(e[0].data, "serial = 7", "serial = 8", 1)
			return e
		}), trusted},
		{"a changed signature", "none of the keys", with(func(e []entry) []entry {
			e[1].data = "x" + e[1].data[1:]
			return e
		}), trusted},
		{"a short signature", "has 63 bytes, a signature has 64", with(func(e []entry) []entry {
			e[1].data = e[1].data[1:]
			return e
		}), trusted},
		{"no signature", `"models/a.toml" is where manifest.toml.sig must be`, with(func(e []entry) []entry { return append(e[:1], e[2:]...) }), trusted},
		{"the models first", `"models/b.toml" is where manifest.toml must be`, with(func(e []entry) []entry { e[0], e[3] = e[3], e[0]; return e }), trusted},
		{"a changed model", "its SHA-256 is another one", with(func(e []entry) []entry {
			e[2].data = strings.Replace(e[2].data, "22m", "99m", 1)
			return e
		}), trusted},
		{"a longer model", "bytes, at most", with(func(e []entry) []entry { e[2].data += "\n"; return e }), trusted},
		{"a shorter model", "and not", with(func(e []entry) []entry { e[2].data = e[2].data[1:]; return e }), trusted},
		{"a model is missing", "models/b.toml is missing", with(func(e []entry) []entry { return e[:3] }), trusted},
		{"a model twice", "models/a.toml is there twice", with(func(e []entry) []entry { return append(e, e[2]) }), trusted},
		{"a model that was not signed", "at most 0 are allowed", add(entry{name: "models/c.toml", data: "x"}), trusted},
		{"an empty model that was not signed", "models/c.toml is not in the manifest", add(entry{name: "models/c.toml"}), trusted},
		{"a way out", "neither the manifest nor a model", add(entry{name: "models/../../etc/passwd", data: "x"}), trusted},
		{"an absolute path", "neither the manifest nor a model", add(entry{name: "/etc/passwd", data: "x"}), trusted},
		{"a symlink", "neither the manifest nor a model", add(entry{name: "models/c.toml", kind: tar.TypeSymlink, link: "/etc/shadow"}), trusted},
		{"a hard link", "neither the manifest nor a model", add(entry{name: "models/a.toml", kind: tar.TypeLink, link: "/etc/shadow"}), trusted},
		{"a folder", "neither the manifest nor a model", add(entry{name: "models/", kind: tar.TypeDir}), trusted},
		{"a device", "neither the manifest nor a model", add(entry{name: "models/c.toml", kind: tar.TypeChar}), trusted},
		{"a symlink for a manifest", "is where manifest.toml must be", gzipOf(t, tarOf(t, []entry{{name: manifestName, kind: tar.TypeSymlink, link: "/etc/shadow"}})), trusted},
		{"a large manifest", "at most 524288 are allowed", gzipOf(t, tarOf(t, []entry{{name: manifestName, data: strings.Repeat("#", MaxManifest+1)}})), trusted},
		{"nothing but zeros", "manifest.toml is missing", gzipOf(t, bomb), trusted},
		{"zeros without end behind", "unpacked it is larger than", padded.Bytes(), trusted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Read(bytes.NewReader(tt.data), tt.keys)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if got.Manifest.Serial != 0 || got.files != nil {
				t.Errorf("with an error there is a bundle: %v", got.Manifest)
			}
		})
	}
}

func TestRefusedFolders(t *testing.T) {
	b := signed(t, 7)
	for _, tt := range []struct {
		name, want string
		change     func(dir string) error
	}{
		{"nothing", "manifest.toml", func(dir string) error { return os.Remove(filepath.Join(dir, manifestName)) }},
		{"no signature", "manifest.toml.sig", func(dir string) error { return os.Remove(filepath.Join(dir, signatureName)) }},
		{"a model more", `"models/c.toml" is not in the manifest`, func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "models/c.toml"), []byte(model("c-1")), 0o644)
		}},
		{"a folder more", `"models/more" is not in the manifest`, func(dir string) error { return os.Mkdir(filepath.Join(dir, "models/more"), 0o755) }},
		{"a model less", "a.toml", func(dir string) error { return os.Remove(filepath.Join(dir, "models/a.toml")) }},
		{"a symlink", "no regular file", func(dir string) error {
			a := filepath.Join(dir, "models/a.toml")
			if err := os.Rename(a, filepath.Join(dir, "elsewhere")); err != nil {
				return err
			}
			return os.Symlink("../elsewhere", a)
		}},
		{"a longer model", "is larger than", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "models/a.toml"), []byte(model("a-1")+"#"), 0o644)
		}},
		{"another model", "its SHA-256 is another one", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "models/a.toml"), []byte(model("a-2")), 0o644)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string]string{}
			for _, e := range entriesOf(b) {
				files[e.name] = e.data
			}
			dir := folder(t, files)
			if err := tt.change(dir); err != nil {
				t.Fatal(err)
			}
			got, err := ReadFile(dir, trusted)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if got.files != nil {
				t.Error("with an error there is a bundle")
			}
		})
	}
}

// A bundle of what is no model can be signed, and is refused all the same.
func TestModelsThatAreNone(t *testing.T) {
	dir := folder(t, map[string]string{"a.toml": "label = 1\n", "b.stfm": "cos\nsystem\n(S'true'\ntR."})
	b, err := Make(dir, Manifest{Serial: 1, Version: "v1", Created: created}, ourPrivate)
	if err != nil {
		t.Fatal(err)
	}
	if set, err := b.Models(); err == nil || set != nil || !strings.Contains(err.Error(), "a.toml") || !strings.Contains(err.Error(), "b.stfm") {
		t.Errorf("models %v, error %v", set, err)
	}
}

func TestMakeRefuses(t *testing.T) {
	right := Manifest{Serial: 1, Version: "v1", Created: created}
	many := map[string]string{}
	for i := range MaxModels + 1 {
		many[fmt.Sprintf("m%d.toml", i)] = "x"
	}
	for _, tt := range []struct {
		name, want string
		files      map[string]string
		m          Manifest
	}{
		{"empty", "there is none", nil, right},
		{"something else", `"README" cannot be in a bundle`, map[string]string{"README": "x"}, right},
		{"a name with a space", "cannot be in a bundle", map[string]string{"a b.toml": "x"}, right},
		{"hidden", "cannot be in a bundle", map[string]string{".a.toml": "x"}, right},
		{"too large", "is larger than", map[string]string{"a.toml": strings.Repeat("#", models.MaxFileSize+1)}, right},
		{"empty model", "size: 0 is not allowed", map[string]string{"a.toml": ""}, right},
		{"too many", "1001 are more than 1000", many, right},
		{"alike", "there are two of this name", map[string]string{"a.toml": "x", "A.toml": "x"}, right},
		{"a version with a line", "version: ", map[string]string{"a.toml": "x"}, Manifest{Serial: 1, Version: "a\nb", Created: created}},
		{"no version of a program", "min_program", map[string]string{"a.toml": "x"}, Manifest{Serial: 1, Version: "1", Created: created, MinProgram: "1.2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Make(folder(t, tt.files), tt.m, ourPrivate); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func publicPEM(t testing.TB, k Key) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}
