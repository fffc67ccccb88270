package models

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestImport(t *testing.T) {
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "new", "folder")
	files := map[string][]byte{
		"b.CC-1.stfm": stfmFile(testLabel),
		"b-2.stfm":    stfmFile("From-Normal-UDP-X-1"),
		"never.stfm":  bytes.Join(parts02(testLetters, testLabel, intThreshold, -1), nil),
		"evil.stfm":   []byte("cos\nsystem\n(S'id'\ntR."),
		"README.md":   []byte("models"),
	}
	write(t, src, files)
	opts := ImportOptions{Licence: "GPL-2.0", Data: "captures of the lab", Tool: "slips-ips 1", Learned: time.Date(2016, 9, 8, 0, 0, 0, 0, time.UTC)}
	report, err := Import([]string{src, filepath.Join(src, "README.md"), filepath.Join(src, "gone.stfm")}, dst, opts)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range report {
		line := filepath.Base(r.Source)
		if r.Target != "" {
			line += " to " + filepath.Base(r.Target)
		}
		for _, note := range r.Notes {
			line += "; " + note
		}
		if r.Err != nil {
			line += "; " + strings.ReplaceAll(r.Err.Error(), src+"/", "")
		}
		got = append(got, line)
	}
	want := []string{
		"b-2.stfm to b-2.toml",
		"b.CC-1.stfm to b.CC-1.toml",
		`evil.stfm; read model evil.stfm: object 1 of 6 (init vector): byte 0: asks to call "os.system": refused; no model needs that`,
		"never.stfm to never.toml; never matches: its threshold -1 is below 1, the smallest distance there is",
		"README.md; import model README.md: its name does not end in .stfm",
		"gone.stfm; import models: stat gone.stfm: no such file or directory",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}

	// What was written is what was reported, and detects as the source does.
	set, warnings, err := LoadDir(dst)
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	original, _, err := LoadDir(src)
	if err != nil {
		t.Fatal(err)
	}
	var reported []Model
	for _, r := range report {
		if r.Err == nil {
			reported = append(reported, r.Model)
		}
	}
	if d := cmp.Diff(reported, set); d != "" {
		t.Error(d)
	}
	for i, m := range set {
		wantData := fmt.Sprintf("captures of the lab; imported from %s, SHA-256 %x", original[i].File, sha256.Sum256(files[original[i].File]))
		if m.Data != wantData || m.Tool != opts.Tool || m.Licence != opts.Licence || !m.Learned.Equal(opts.Learned) {
			t.Errorf("%s: data %q, tool %q, licence %q, learned %v", m.File, m.Data, m.Tool, m.Licence, m.Learned)
		}
		m.Data, m.Tool, m.Licence, m.Learned, m.File = "", "", "", time.Time{}, original[i].File
		if d := cmp.Diff(original[i], m); d != "" {
			t.Error(d)
		}
	}
}

func TestImportOverwrites(t *testing.T) {
	src, other, dst := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, src, map[string][]byte{"a.stfm": stfmFile(testLabel)})
	write(t, other, map[string][]byte{"a.stfm": stfmFile("From-Botnet-UDP-Other-1")})
	target := filepath.Join(dst, "a.toml")
	first, err := Import([]string{src}, dst, ImportOptions{})
	if err != nil || first[0].Err != nil {
		t.Fatal(err, first)
	}
	if d := cmp.Diff([]string{"its licence is not known, as a .stfm file does not tell it"}, first[0].Notes); d != "" {
		t.Error(d)
	}
	second, err := Import([]string{other}, dst, ImportOptions{})
	if err != nil || second[0].Err == nil || !strings.Contains(second[0].Err.Error(), target+" exists; remove it or overwrite it with --force") {
		t.Errorf("%v, %v", second, err)
	}
	if m, err := LoadFile(target); err != nil || m.Label != testLabel {
		t.Errorf("overwritten: %v, %v", m, err)
	}
	third, err := Import([]string{other, src}, dst, ImportOptions{Force: true})
	if err != nil || third[0].Err != nil || third[1].Err == nil || !strings.Contains(third[1].Err.Error(), "was just written from") {
		t.Errorf("%v, %v", third, err)
	}
	if m, err := LoadFile(target); err != nil || m.Label != "From-Botnet-UDP-Other-1" {
		t.Errorf("not overwritten with force: %v, %v", m, err)
	}
	if info, err := os.Stat(target); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(dst); err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestImportFails(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"file": nil, "a.stfm": stfmFile(testLabel)})
	empty := filepath.Join(dir, "empty")
	if err := os.Mkdir(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(nil, dir, ImportOptions{}); err == nil {
		t.Error("no source, no error")
	}
	if _, err := Import([]string{dir}, filepath.Join(dir, "file", "x"), ImportOptions{}); err == nil || !strings.Contains(err.Error(), "make the folder") {
		t.Errorf("a folder within a file: error %v", err)
	}
	for want, r := range map[string]struct {
		source string
		opts   ImportOptions
	}{
		"it has no *.stfm file":      {empty, ImportOptions{}},
		"licence: is not plain text": {dir, ImportOptions{Licence: "GPL\nor not"}},
	} {
		report, err := Import([]string{r.source}, t.TempDir(), r.opts)
		if err != nil || len(report) != 1 || report[0].Err == nil || !strings.Contains(report[0].Err.Error(), want) {
			t.Errorf("%v, %v; want %s", report, err, want)
		}
	}
}
