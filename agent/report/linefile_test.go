package report

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/internal/testenv"
)

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t testing.TB, l lines, text string) {
	t.Helper()
	if err := l.write(t.Context(), []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func TestLineFileRotatesBySize(t *testing.T) {
	path := filepath.Join(t.TempDir(), "eve.json")
	l := &lineFile{path: path, maxSize: 20, keep: 2}
	for i := range 7 {
		write(t, l, fmt.Sprintf("line %03d\n", i)) // 9 bytes, 2 a file
	}
	write(t, l, "a line that is longer than a file may be\n") // still whole, and alone
	l.close()
	got := map[string]string{}
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		got[filepath.Base(f)] = read(t, f)
	}
	want := map[string]string{
		"eve.json":   "a line that is longer than a file may be\n",
		"eve.json.1": "line 006\n",
		"eve.json.2": "line 004\nline 005\n",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLineFileFollowsOthers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "eve.json")
	if err := os.WriteFile(path, []byte("whole\ntorn"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) { // for the time only
		l := &lineFile{path: path}
		defer l.close()
		write(t, l, "one\n")
		if got := read(t, path); got != "whole\ntorn\none\n" { // a torn line spoils no other
			t.Errorf("%q", got)
		}
		if err := os.Rename(path, path+".old"); err != nil {
			t.Fatal(err)
		}
		write(t, l, "two\n") // still to the old one: it is looked at once a second
		time.Sleep(checkFileEvery)
		write(t, l, "three\n")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(checkFileEvery)
		write(t, l, "four\n")
		if err := os.Truncate(path, 0); err != nil { // logrotate's copytruncate
			t.Fatal(err)
		}
		write(t, l, "five\n")
		if got := read(t, path+".old"); !strings.HasSuffix(got, "one\ntwo\n") {
			t.Errorf("%q", got)
		}
		if got := read(t, path); got != "five\n" {
			t.Errorf("%q", got)
		}
	})
}

// The real logrotate renames the file under the reporter.
func TestLogrotate(t *testing.T) {
	logrotate := testenv.Program(t, "logrotate")
	testenv.Root(t) // logrotate refuses folders of others
	dir := t.TempDir()
	path := filepath.Join(dir, "eve.json")
	conf := filepath.Join(dir, "conf")
	if err := os.WriteFile(conf, []byte(path+" {\n su root root\n rotate 3\n nocreate\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		l := &lineFile{path: path}
		defer l.close()
		write(t, l, "one\n")
		if out, err := exec.Command(logrotate, "-f", "-s", filepath.Join(dir, "state"), conf).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		time.Sleep(checkFileEvery)
		write(t, l, "two\n")
	})
	if a, b := read(t, path+".1"), read(t, path); a != "one\n" || b != "two\n" {
		t.Errorf("%q, %q", a, b)
	}
}

func TestLineFileErrors(t *testing.T) {
	dir := t.TempDir()
	l := &lineFile{path: dir}
	if err := l.write(t.Context(), []byte("x\n")); !errors.Is(err, syscall.EISDIR) {
		t.Error(err)
	}
	l = &lineFile{path: "/dev/null"}
	if err := l.write(t.Context(), []byte("x\n")); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Error(err)
	}
}
