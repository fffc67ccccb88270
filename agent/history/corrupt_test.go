package history

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/internal/testenv"
)

// keptAside gives the corrupt files beside path.
func keptAside(t *testing.T, path string) []string {
	t.Helper()
	kept, err := filepath.Glob(path + ".corrupt-*Z")
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

// spoilPages leaves the first page, with the schema.
func spoilPages(data []byte) []byte {
	for at := 4096; at < len(data); at += 4096 {
		copy(data[at:], bytes.Repeat([]byte{0xff}, 100))
	}
	return data
}

func TestCorruptFileIsMovedAside(t *testing.T) {
	for name, spoil := range map[string]func(data []byte) []byte{
		"not a database": func([]byte) []byte { return []byte(strings.Repeat("no database at all\n", 500)) },
		"half a header":  func(data []byte) []byte { return data[:50] },
		"no events":      spoilPages,
		"no schema":      func(data []byte) []byte { copy(data[100:], bytes.Repeat([]byte{0xff}, 3000)); return data },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "history.db")
			s := testStore(t, Options{Path: path})
			s.Record(Event{Kind: KindAgent})
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			data = spoil(data)
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			log := &logText{}
			s = testStore(t, Options{Path: path, Log: log.logger()})
			s.Record(Event{Kind: KindAgent, Text: "after"})
			flush(t, s)
			if n := s.Status().Events; n != 1 {
				t.Errorf("%d events in the new one", n)
			}
			kept := keptAside(t, path)
			if len(kept) != 1 {
				t.Fatalf("kept aside: %v", kept)
			}
			if got, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(got, data) {
				t.Errorf("what was kept is another file: %v", err)
			}
			if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), kept[0]) {
				t.Errorf("the log says %q", log)
			}
		})
	}
}

// A page that goes bad while the agent runs is found by whoever reads it first.
func TestCorruptWhileRunning(t *testing.T) {
	for _, who := range []string{"reader", "writer"} {
		t.Run(who, func(t *testing.T) {
			log := &logText{}
			s := testStore(t, Options{Log: log.logger()})
			for i := range 2000 {
				s.Record(testAlert(t, i, "10.0.0.5-203.0.113.7-443-tcp", "A"))
			}
			flush(t, s)
			// Out of the log, which would hide what the file has.
			waitFor(t, s, func() bool { // the writer may still be busy with its connection
				ok, err := s.db.Load().checkpoint(context.Background())
				return ok && err == nil
			})
			if who == "writer" { // it has to ask the disk
				if _, err := s.db.Load().writer.ExecContext(context.Background(), "PRAGMA cache_size = 1; PRAGMA shrink_memory"); err != nil {
					t.Fatal(err)
				}
			}
			info, err := os.Stat(s.opt.Path)
			if err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(s.opt.Path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			for at := int64(4096); at < info.Size(); at += 4096 {
				if _, err := f.WriteAt(bytes.Repeat([]byte{0xff}, 100), at); err != nil {
					t.Fatal(err)
				}
			}
			f.Close()
			if who == "reader" {
				if _, err := s.Events(context.Background(), Query{Limit: MaxPage}); err == nil || !isCorrupt(err) {
					t.Fatalf("reading a corrupt file: %v", err)
				}
			}
			testenv.Until(t, "it is noticed", func() bool {
				s.Record(testAlert(t, 1, "10.0.0.6-203.0.113.7-443-tcp", "A"))
				return len(keptAside(t, s.opt.Path)) > 0
			}, said(s))
			last := testAlert(t, 6000, "10.0.0.5-203.0.113.7-443-tcp", "A")
			s.Record(last)
			flush(t, s)
			if _, err := s.Event(context.Background(), last.ID); err != nil {
				t.Error(err)
			}
			if !strings.Contains(log.String(), "the history was corrupt") {
				t.Errorf("the log says %q", log)
			}
		})
	}
}

func TestCorruptFilesAreNotKeptForEver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "[a] history*.db")
	var newest []string
	for i := range maxCorrupt + 2 {
		for _, name := range []string{path, path + "-wal", path + "-shm"} {
			if err := os.WriteFile(name, []byte{byte(i)}, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		to, err := moveAside(path, start.Add(time.Duration(i)*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		newest = append(newest, to, to+"-wal")
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2*maxCorrupt {
		t.Errorf("%v: %v", entries, err)
	}
	for _, name := range newest[4:] {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

// Whoever removes the file begins a new history; events must not go to a file
// that nobody finds.
func TestFileThatIsGone(t *testing.T) {
	log := &logText{}
	s := testStore(t, Options{Log: log.logger()})
	s.Record(Event{Kind: KindAgent})
	flush(t, s)
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(s.opt.Path + end); err != nil {
			t.Fatal(err)
		}
	}
	last := Event{ID: newID(t), Kind: KindAgent}
	s.Record(last)
	flush(t, s)
	testenv.Until(t, "a new file", func() bool {
		_, err := os.Stat(s.opt.Path)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return err == nil
	}, said(s))
	if !strings.Contains(log.String(), "removed or replaced") {
		t.Errorf("the log says %q", log)
	}
}
