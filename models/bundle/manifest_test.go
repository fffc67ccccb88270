package bundle

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

const rightManifest = `format = 1
serial = 7
version = "2026-11"
created = 2026-11-25T04:00:00Z
min_program = "v1.2.0"

[[file]]
name = "a.toml"
size = 12
sha256 = "` + sum + `"
`

func TestParseManifest(t *testing.T) {
	got, err := ParseManifest([]byte(rightManifest))
	if err != nil {
		t.Fatal(err)
	}
	want := Manifest{Format: 1, Serial: 7, Version: "2026-11", Created: created, MinProgram: "v1.2.0", Files: []File{{"a.toml", 12, sum}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	text, err := got.encode()
	if err != nil || string(text) != rightManifest {
		t.Errorf("written again, error %v:\n%s", err, text)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	for _, tt := range []struct{ name, old, new, want string }{
		{"a later format", "format = 1", "format = 2\nnew = 3", "format 2 is not known here"},
		{"no format", "format = 1", "", "format 0 is not known here"},
		{"an unknown key", "serial", "more = 1\nserial", "unknown key more"},
		{"an unknown key of a file", "size", "mode = 1\nsize", "unknown key file.mode"},
		{"a key twice", "serial = 7", "serial = 7\nserial = 8", "serial"},
		{"serial 0", "serial = 7", "serial = 0", "serial: 0 is not allowed"},
		{"a negative serial", "serial = 7", "serial = -1", "serial: -1 is not allowed"},
		{"a huge serial", "serial = 7", "serial = 9223372036854775808", "serial"},
		{"no version", `version = "2026-11"`, "", "version: "},
		{"colours", `version = "2026-11"`, `version = "\u001b[31m"`, "version: "},
		{"no time", "created = 2026-11-25T04:00:00Z", "", "created: "},
		{"a way out", "a.toml", "../a.toml", "the name is not allowed"},
		{"a folder", "a.toml", "b/a.toml", "the name is not allowed"},
		{"an absolute path", "a.toml", "/a.toml", "the name is not allowed"},
		{"a hidden file", "a.toml", ".a.toml", "the name is not allowed"},
		{"no name", "a.toml", "", "the name is not allowed"},
		{"only an end", "a.toml", ".toml", "the name is not allowed"},
		{"another end", "a.toml", "a.sh", "the name is not allowed"},
		{"a zero byte", "a.toml", `a\u0000.toml`, "the name is not allowed"},
		{"a long name", "a.toml", strings.Repeat("a", 200) + ".toml", "the name is not allowed"},
		{"a negative size", "size = 12", "size = -12", "size: -12 is not allowed"},
		{"a huge size", "size = 12", "size = 524289", "size: 524289 is not allowed"},
		{"a short sum", sum, sum[2:], "64 digits"},
		{"a sum in capitals", sum, strings.ToUpper(sum), "64 digits"},
		{"an odd program", "v1.2.0", "new", "min_program"},
		{"too large", "serial", "# " + strings.Repeat("x", MaxManifest) + "\nserial", "larger than 512 KiB"},
		{"no TOML", "serial", "= =", "manifest.toml: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(rightManifest, tt.old, tt.new, 1)
			if text == rightManifest {
				t.Fatal("nothing was changed")
			}
			got, err := ParseManifest([]byte(text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if diff := cmp.Diff(Manifest{}, got); diff != "" {
				t.Errorf("with an error there is a manifest: %s", diff)
			}
		})
	}
}

// All files together have a limit of their own.
func TestManifestSum(t *testing.T) {
	m := Manifest{Format: 1, Serial: 1, Version: "1", Created: created}
	for i := range MaxFiles/(512<<10) + 1 {
		m.Files = append(m.Files, File{strings.Repeat("a", i%100+1) + strings.Repeat("b", i/100) + ".toml", 512 << 10, sum})
	}
	if err := m.validate(); err == nil || !strings.Contains(err.Error(), "bytes together are more than") {
		t.Errorf("error %v", err)
	}
	m.Files = m.Files[1:]
	if err := m.validate(); err != nil {
		t.Error(err)
	}
}

func TestForProgram(t *testing.T) {
	for _, tt := range []struct {
		min, has  string
		fits, can bool // can be told
	}{
		{"", "devel", true, true},
		{"v1.2.0", "v1.2.0", true, true},
		{"v1.2.0", "1.2.0", true, true},
		{"v1.2.0", "1.2.0-1", true, true},
		{"v1.2.0", "v1.10.0", true, true},
		{"v1.2.0", "v1.1.9", false, true},
		{"v1.2.0", "v1.2.0-rc1", false, true},
		{"v1.2.0", "v1.2.0-3-gcc4f8b5", true, true},
		{"v1.2.0", "v1.2.0-3-gcc4f8b5-dirty", true, true},
		{"v1.2.0", "v1.1.0-300-gcc4f8b5-dirty", false, true},
		{"v1.2.0", "v1.2.0-dirty", true, true},
		{"v1.2.0", "devel", true, false},
		{"v1.2.0", "cc4f8b5", true, false},
		{"v1.2.0", "unknown", true, false},
		{"v1.2.0", "", true, false},
	} {
		note, err := Manifest{MinProgram: tt.min}.ForProgram(tt.has)
		if (err == nil) != tt.fits || (note == "") != tt.can {
			t.Errorf("models for %q, program %q: note %q, error %v", tt.min, tt.has, note, err)
		}
	}
}
