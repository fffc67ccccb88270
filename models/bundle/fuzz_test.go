package bundle

import (
	"bytes"
	"crypto/ed25519"
	"testing"
)

// Manifests are parsed only when they are signed; still, whatever is in one ends
// in a manifest that can be written again, or in an error.
func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(rightManifest))
	f.Add([]byte("format = 1\n[[file]]\nname = \"../a.toml\"\n"))
	f.Add(bytes.Repeat([]byte("["), 1000))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseManifest(data)
		if err != nil {
			if m.Serial != 0 || m.Files != nil {
				t.Fatal("with an error there is a manifest")
			}
			return
		}
		again, err := m.encode()
		if err != nil {
			t.Fatalf("it cannot be written: %v", err)
		}
		if _, err := ParseManifest(again); err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, again)
		}
		for _, file := range m.Files {
			if !modelName(file.Name) {
				t.Fatalf("the name %q", file.Name)
			}
		}
	})
}

// FuzzRead gives archives as they come from outside: what nobody trusted signed
// is never read.
func FuzzRead(f *testing.F) {
	good := packed(f, signed(f, 7))
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Read(bytes.NewReader(data), trusted)
		if err != nil && b.files != nil {
			t.Fatal("with an error there is a bundle")
		}
		if err == nil && !ed25519.Verify(ourKey.public, b.manifest, b.signature) {
			t.Fatal("a bundle without a signature was taken")
		}
		if _, err := Read(bytes.NewReader(data), nil); err == nil {
			t.Fatal("a bundle was taken though no key is trusted")
		}
	})
}

// FuzzReadTar gives what follows a manifest that is signed, not compressed, so
// that the fuzzer gets further.
func FuzzReadTar(f *testing.F) {
	b := signed(f, 7)
	rest := tarOf(f, entriesOf(b)[2:])
	f.Add(b.manifest, rest)
	f.Add([]byte(rightManifest), rest)
	f.Fuzz(func(t *testing.T, manifest, rest []byte) {
		head := tarOf(t, []entry{{name: manifestName, data: string(manifest)}, {name: signatureName, data: string(ed25519.Sign(ourPrivate, manifest))}})
		head = head[:len(head)-1024] // without tar's end
		got, err := Read(bytes.NewReader(gzipOf(t, append(head, rest...))), trusted)
		if err != nil {
			if got.files != nil {
				t.Fatal("with an error there is a bundle")
			}
			return
		}
		for i, file := range got.Manifest.Files {
			if err := file.check(got.files[i]); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add(publicPEM(f, ourKey))
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := parsePublic(data); (err == nil) != (len(k) == ed25519.PublicKeySize) {
			t.Fatalf("a public key of %d bytes, error %v", len(k), err)
		}
		if k, err := ParsePrivate(data); (err == nil) != (len(k) == ed25519.PrivateKeySize) {
			t.Fatalf("a private key of %d bytes, error %v", len(k), err)
		}
		_, _ = verify([]byte("manifest"), data, trusted)
	})
}
