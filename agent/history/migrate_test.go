package history

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A file of this version, with what a real one has in it, becomes one of the
// next ones and keeps it.
func TestMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := testStore(t, Options{Path: path})
	block := testBlock(t, 1, "10.0.0.5-203.0.113.7-443-tcp")
	s.Record(block)
	s.Record(testAlert(t, 2, "10.0.0.5-203.0.113.7-443-tcp", "A"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	opt := Options{Path: path, Now: func() time.Time { return start }}

	// One that fails changes nothing, also what it did before it failed.
	broken := append(append([]string{}, migrations...), "ALTER TABLE events ADD COLUMN mode TEXT; UPDATE nowhere SET x = 1")
	if s, err := open(opt, broken); err == nil || !strings.Contains(err.Error(), "from version 2 to 3") {
		if s != nil {
			s.Close()
		}
		t.Fatalf("a migration that fails: %v", err)
	}
	if got := versionAndColumns(t, path); got != "2 without" {
		t.Fatalf("after a migration that failed: %s", got)
	}

	newer := append(append([]string{}, migrations...),
		"ALTER TABLE events ADD COLUMN mode TEXT; UPDATE events SET mode = (SELECT json_extract(body, '$.mode') FROM event_bodies b WHERE b.seq = events.seq)",
		"CREATE INDEX events_mode ON events(mode)")
	s, err := open(opt, newer)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := s.db.Load().reader.QueryRow("SELECT count(*) FROM events WHERE mode = 'dry-run'").Scan(&n); err != nil || n != 2 {
		t.Errorf("%d events have their mode: %v", n, err)
	}
	got, err := s.Event(context.Background(), block.ID)
	if d := cmp.Diff(block, got, sameTuple); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
	s.Record(testAlert(t, 3, "10.0.0.5-203.0.113.7-443-tcp", "A"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := versionAndColumns(t, path); got != "4 with" {
		t.Errorf("after the migration: %s", got)
	}

	// The program that made the first version leaves it alone.
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Open(opt); !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), "version 4, this program knows up to 2") {
		if s != nil {
			s.Close()
		}
		t.Errorf("a file of a newer version: %v", err)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) || len(keptAside(t, path)) != 0 {
		t.Errorf("it was changed: %v", err)
	}
}

func versionAndColumns(t *testing.T, path string) string {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path, "ro"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var version, columns string
	err = db.QueryRow("SELECT user_version, CASE WHEN EXISTS (SELECT 1 FROM pragma_table_info('events') WHERE name = 'mode') THEN 'with' ELSE 'without' END FROM pragma_user_version").
		Scan(&version, &columns)
	if err != nil {
		t.Fatal(err)
	}
	return version + " " + columns
}

// A newer version that was killed has its schema only in the log.
func TestNewerVersionInTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	s := testStore(t, Options{Path: path})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	newer := append(append([]string{}, migrations...), "CREATE TABLE more (x)")
	s, err := open(Options{Path: path}, newer)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	// What the disk has at this moment is what a kill would leave.
	copied := filepath.Join(t.TempDir(), "history.db")
	before := map[string][]byte{}
	for _, end := range []string{"", "-wal"} {
		if before[end], err = os.ReadFile(path + end); err != nil || len(before[end]) == 0 {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+end, before[end], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(Options{Path: copied}); !errors.Is(err, ErrNewer) {
		t.Errorf("a file of a newer version: %v", err)
	}
	for end, data := range before {
		if after, err := os.ReadFile(copied + end); err != nil || !bytes.Equal(data, after) {
			t.Errorf("%q was changed: %v", end, err)
		}
	}
}

// What somebody else keeps at that place is not ours to change.
func TestForeignFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", dsn(path, "rwc"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE mine (x)"); err != nil {
		t.Fatal(err)
	}
	db.Close()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Path: path}); !errors.Is(err, ErrForeign) {
		t.Errorf("another program's file: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("it was changed: %v", err)
	}
}
