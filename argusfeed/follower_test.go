package argusfeed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Whatever is done to a file, in whatever order, all that is written comes once
// and in order, as long as what is truncated had been read.
func TestFollowerLosesNothing(t *testing.T) {
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run))
		fail := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		var f *follower
		var got, want strings.Builder
		read := func() {
			b := make([]byte, rapid.IntRange(1, 100).Draw(t, "buffer"))
			for {
				if f == nil {
					var err error
					if f, err = openFollower(t.Context(), path, 0); err != nil {
						return // there is none
					}
				}
				n, err := f.Read(b)
				got.Write(b[:n])
				switch {
				case errors.Is(err, io.EOF):
					f.file.Close()
					f = nil
				case errors.Is(err, os.ErrDeadlineExceeded):
					return
				default:
					fail(err)
				}
			}
		}
		var writer, old *os.File // of the file at the path, and the one before
		filled := false          // there is something in the file at the path
		pieces := 0
		write := func(w *os.File) {
			for range rapid.IntRange(1, 40).Draw(t, "pieces") {
				pieces++
				piece := fmt.Sprintf("%d,", pieces)
				_, err := w.WriteString(piece)
				fail(err)
				want.WriteString(piece)
			}
		}
		create := func() {
			var err error
			writer, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o600)
			fail(err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"read": func(*rapid.T) { read() },
			"write": func(*rapid.T) {
				if old != nil { // whoever writes has opened the new file
					old.Close()
					old = nil
				}
				if writer == nil {
					create()
				}
				write(writer)
				filled = true
			},
			"write to the old one": func(t *rapid.T) {
				if old == nil {
					t.Skip()
				}
				write(old)
			},
			"rename": func(t *rapid.T) {
				if !filled {
					t.Skip()
				}
				read() // two rotations unseen would hide the file between
				fail(os.Rename(path, path+".1"))
				old, writer, filled = writer, nil, false
			},
			"an empty one": func(t *rapid.T) {
				if writer != nil {
					t.Skip()
				}
				create()
			},
			"delete": func(t *rapid.T) {
				if !filled {
					t.Skip()
				}
				read()
				fail(os.Remove(path))
				old, writer, filled = writer, nil, false
			},
			"truncate": func(t *rapid.T) {
				if !filled {
					t.Skip()
				}
				read()
				fail(writer.Truncate(0))
				filled = false
			},
		})
		read()
		read()
		for _, file := range []*os.File{writer, old} {
			if file != nil {
				file.Close()
			}
		}
		if f != nil {
			f.file.Close()
		}
		if got.String() != want.String() {
			t.Fatalf("read\n%s\nof\n%s", &got, &want)
		}
		os.Remove(path)
	})
}
