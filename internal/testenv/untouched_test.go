package testenv

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// long ago, so that a change shows.
var long = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// tests stands for those of a package.
type tests func()

func (t tests) Run() int { t(); return 0 }

func TestUntouched(t *testing.T) {
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		want int
		run  func(place string)
	}{
		{"nothing", 0, func(place string) { do(os.MkdirAll(place+" of its own", 0o700)) }},
		{"a folder that was not there", 1, func(place string) { do(os.Mkdir(filepath.Join(place, "state"), 0o700)) }},
		{"a file that is gone again", 1, func(place string) {
			do(os.WriteFile(filepath.Join(place, ".probe"), nil, 0o600))
			do(os.Remove(filepath.Join(place, ".probe")))
		}},
		{"a file that is written", 1, func(place string) { do(os.WriteFile(filepath.Join(place, "history.db"), []byte("x"), 0o600)) }},
		{"a file that is gone", 1, func(place string) { do(os.Remove(filepath.Join(place, "history.db"))) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			place := filepath.Join(t.TempDir(), "slips-ips")
			do(os.Mkdir(place, 0o700))
			do(os.WriteFile(filepath.Join(place, "history.db"), nil, 0o600))
			do(os.Chtimes(filepath.Join(place, "history.db"), long, long)) // the clock of files has ticks
			do(os.Chtimes(place, long, long))
			if got := (untouched{tests(func() { tt.run(place) }), []string{place, place + "/none"}}).Run(); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

// An agent of this machine that runs changes its folders itself.
func TestUntouchedBesideAnAgent(t *testing.T) {
	place := t.TempDir()
	l, err := net.Listen("unix", filepath.Join(place, "control.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	writes := tests(func() {
		if err := os.WriteFile(filepath.Join(place, "history.db"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	})
	if got := (untouched{writes, []string{place}}).Run(); got != 0 {
		t.Errorf("%d", got)
	}
}
