package models

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func stfmFile(label string) []byte {
	return bytes.Join(parts033(testLetters, label, floatThreshold, 1.1), nil)
}

// write fills a folder with files of these contents.
func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func names(set []Model) []string {
	var names []string
	for _, m := range set {
		names = append(names, m.File)
	}
	return names
}

func TestLoadDir(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{
		"b.toml":     []byte(lettersFile),
		"a.stfm":     stfmFile(testLabel),
		"B.stfm":     stfmFile(testLabel), // upper case first: byte order; one label twice
		"README":     []byte("These are the models."),
		"evil.stfm":  []byte("cos\nsystem\n(S'id'\ntR."),
		"wrong.toml": []byte(strings.Replace(lettersFile, "threshold", "treshold", 1)),
	})
	if err := os.Mkdir(filepath.Join(dir, "old.toml"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe.stfm"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "gone.toml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("b.toml", filepath.Join(dir, "z.toml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("loop.toml", filepath.Join(dir, "loop.toml")); err != nil {
		t.Fatal(err)
	}
	set, warnings, err := LoadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"B.stfm", "a.stfm", "b.toml", "z.toml"}, names(set)); d != "" {
		t.Error(d)
	}
	want := []string{
		"README: its name ends neither in .toml nor in .stfm",
		`evil.stfm: object 1 of 6 (init vector): byte 0: asks to call "os.system": refused`,
		"gone.toml: no such file or directory",
		"loop.toml: too many levels of symbolic links",
		"pipe.stfm: it is no regular file",
		"wrong.toml: threshold: is missing",
	}
	if len(warnings) != len(want) {
		t.Fatalf("warnings %v", warnings)
	}
	for i, w := range warnings {
		if !strings.Contains(w.Error(), want[i]) {
			t.Errorf("warning %v\nwant %s", w, want[i])
		}
	}
}

func TestLoadDirFails(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{"README": nil, "a.stfm": nil})
	set, warnings, err := LoadDir(dir)
	if len(set) != 0 || len(warnings) != 2 || err == nil || !strings.Contains(err.Error(), "none of its files is a model") {
		t.Errorf("%v, %v, error %v", set, warnings, err)
	}
	if _, _, err := LoadDir(filepath.Join(dir, "missing")); !os.IsNotExist(unwrapAll(err)) {
		t.Errorf("a folder that is missing: error %v", err)
	}
}

func unwrapAll(err error) error {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return err
		}
		err = u.Unwrap()
	}
}

func TestLoadDirBound(t *testing.T) {
	dir := t.TempDir()
	files := make(map[string][]byte)
	for i := range MaxModels + 2 {
		files[fmt.Sprintf("%04d.stfm", i)] = stfmFile(testLabel)
	}
	write(t, dir, files)
	set, warnings, err := LoadDir(dir)
	if err != nil || len(set) != MaxModels || len(warnings) != 1 ||
		!strings.Contains(warnings[0].Error(), "more than 1000 models; 1000.stfm and what follows is left out") {
		t.Errorf("%d models, warnings %v, error %v", len(set), warnings, err)
	}
}

func TestBuiltin(t *testing.T) {
	set := builtin(t)
	// Every behaviour of slips 0.2alpha, Linux.Botnet, and three of captures.
	var labels []string
	for _, m := range set {
		labels = append(labels, m.Label)
	}
	if d := cmp.Diff([]string{
		"From-Botnet-TCP-HTTP-CC-23", "From-Botnet-TCP-HTTP-CC-25", "From-Botnet-TCP-HTTP-CC.Bitcoin.Miner-2",
		"From-Botnet-TCP-HTTP-CC.Cridex-1", "From-Botnet-TCP-HTTP-CC.Dridex-7", "From-Botnet-TCP-HTTP-CC.Miuref.Attempt-4",
		"From-Botnet-TCP-HTTP-CC.PlainText-1", "From-Botnet-TCP-HTTP-Flu.CC-3", "From-Botnet-TCP-HTTP-Zeus.CC-1",
		"From-Botnet-TCP-HTTPS-Win1.CC-1", "From-Botnet-TCP-Unknown-CC-10", "From-Botnet-TCP-Unknown-CC.Attempt-2", "From-Botnet-TCP-Unknown-Linux.Botnet-1",
		"From-Botnet-TCP-Unknown-Lurk.CC-1", "From-Botnet-TCP-Unknown-Menti.CC-73", "From-Botnet-TCP-Unknown-njRAT.CC.Attempt-1",
		"From-Botnet-UDP-DNS-DGA-1", "From-Botnet-UDP-DNS-DGA-17", "From-Botnet-UDP-DNS-DGA-18",
		"From-Normal-TCP-HTTP-LastFM-30", "From-Normal-TCP-HTTP-WebPage-1",
	}, labels); d != "" {
		t.Error(d)
	}
	for _, m := range set {
		if err := m.Validate(); err != nil {
			t.Errorf("%s: %v", m.File, err)
		}
		if m.Kind != KindBehaviour || m.Letters == "" || m.Behaviour.Evidence == Decisive || !strings.EqualFold(m.Proto, LabelField(m.Label, 2)) {
			t.Errorf("%s: kind %s, class %s, protocol %s, label %s", m.File, m.Kind, m.Class, m.Proto, m.Label)
		}
		if m.Data == "" || m.Tool == "" || m.Licence == "" || m.Learned.IsZero() {
			t.Errorf("%s does not say where it comes from", m.File)
		}
		if m.Behaviour.Merge >= m.Behaviour.MinGap {
			t.Errorf("%s: contacts as close as min_gap %v are merged, at %v", m.File, m.Behaviour.MinGap, m.Behaviour.Merge)
		}
	}
	set[0].Label = "changed"
	if builtin(t)[0].Label == "changed" {
		t.Error("a caller can change the built-in set")
	}
}

func TestLabelField(t *testing.T) {
	for n, want := range []string{"From", "Botnet", "TCP", "HTTP", "Zeus.CC", "1", "", ""} {
		if got := LabelField("From-Botnet-TCP-HTTP-Zeus.CC-1", n); got != want {
			t.Errorf("field %d is %q, want %q", n, got, want)
		}
	}
}

func TestDetails(t *testing.T) {
	threshold := 0.5
	m := Model{Label: testLabel, Class: ClassMalicious, Kind: KindLetters, Proto: "TCP", Threshold: 0.5,
		Letters: "18.Ii,A+r*00z#R", Licence: "l", Data: "d", Tool: "t", File: "a.toml", Learned: time.Unix(86400, 0)}
	want := Details{
		Summary: Summary{File: "a.toml", Label: testLabel, Class: ClassMalicious, Kind: KindLetters, Protocol: "TCP",
			Threshold: &threshold, Letters: 15, Licence: "l",
			Notes: []string{"never matches: its threshold 0.5 is below 1, the smallest distance there is"}},
		Counts: &LetterCounts{Flows: 8, Regularity: [5]int{2, 1, 2, 2, 1}, Size: [3]int{4, 0, 4}, Duration: [3]int{4, 1, 3},
			Gap: [4]int{1, 1, 1, 1}, Hours: 2},
		Start: "18.Ii,A+r*00z#R", Data: "d", Tool: "t", Learned: "1970-01-02",
	}
	if d := cmp.Diff(want, m.Details()); d != "" {
		t.Error(d)
	}
	b := builtin(t)[0].Details()
	if b.Limits == nil || b.Limits.Merge != "500ms" || b.Limits.Evidence == nil || *b.Limits.Evidence != 0 || b.Counts == nil || b.Threshold == nil {
		t.Errorf("details of a behaviour model: %+v", b)
	}
	if s := (Model{Kind: KindBehaviour}).Summary(); s.Protocol != "any" {
		t.Errorf("protocol of a model for all: %q", s.Protocol)
	}
}

// A folder that is a symlink, and is switched while it is read, gives the models of
// one side or of the other, never some of each.
func TestLoadDirWhileSwitched(t *testing.T) {
	dir := t.TempDir()
	const files = 8
	for _, side := range []string{"a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, side), 0o755); err != nil {
			t.Fatal(err)
		}
		for i := range files {
			text := fmt.Sprintf("label = \"From-Normal-TCP-HTTPS-%s-%d\"\nclass = \"normal\"\nkind = \"letters\"\nprotocol = \"tcp\"\nthreshold = 1.1\nletters = \"88,h,h,h,\"\n", side, i)
			if err := os.WriteFile(filepath.Join(dir, side, fmt.Sprintf("%d.toml", i)), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	current := filepath.Join(dir, "current")
	point := func(to string) {
		next := filepath.Join(dir, "next")
		if err := errors.Join(os.Symlink(to, next), os.Rename(next, current)); err != nil {
			t.Error(err)
		}
	}
	point("a")
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				point("b")
				point("a")
			}
		}
	}()
	for range 200 {
		set, warnings, err := LoadDir(current)
		if err != nil || len(warnings) > 0 || len(set) != files {
			t.Fatal(len(set), warnings, err)
		}
		for _, m := range set {
			if LabelField(m.Label, 4) != LabelField(set[0].Label, 4) {
				t.Fatalf("%s beside %s", m.Label, set[0].Label)
			}
		}
	}
	close(stop)
	<-stopped
}
