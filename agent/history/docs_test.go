package history

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"slips-ips/internal/testenv"
)

// What docs/history.md tells admins to type works, with Debian's sqlite3 and
// while the agent writes.
func TestDocumentedQueries(t *testing.T) {
	sqlite := testenv.Program(t, "sqlite3")
	s := testStore(t, Options{})
	s.Record(testBlock(t, 0, "10.0.0.5-203.0.113.7-443-tcp"))
	s.Record(Event{Time: start, Kind: KindAgent, Text: "started"})
	s.Detected(testDetection(t, "10.0.0.5-203.0.113.7-443-tcp", "A"))
	flush(t, s)
	run := func(stmt string) string {
		cmd := exec.Command(sqlite, "-readonly", "-bail", s.opt.Path)
		cmd.Stdin = strings.NewReader(stmt)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", stmt, err, out)
		}
		return string(out)
	}
	text, err := os.ReadFile("../../docs/history.md")
	if err != nil {
		t.Fatal(err)
	}
	statements := 0
	for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		for stmt := range strings.SplitSeq(block[1], "\n\n") {
			run(stmt)
			statements++
		}
	}
	shell := regexp.MustCompile(`sqlite3 -readonly \S+ "(.*)"\n`).FindSubmatch(text)
	if statements != 6 || shell == nil {
		t.Fatalf("%d statements and %q in docs/history.md", statements, shell)
	}
	if got, want := run(string(shell[1])+";"), "2026-03-01 12:00:00|agent|started"; !strings.Contains(got, want) {
		t.Errorf("%s gives %q, want %q", shell[1], got, want)
	}
	if got, want := run("SELECT * FROM detection_log;"), "2026-03-01 12:00:00|2026-03-01 12:00:00|10.0.0.5-203.0.113.7-443-tcp|A|1|0.97|behaviour\n"; got != want {
		t.Errorf("detection_log: %q, want %q", got, want)
	}
	copied := s.opt.Path + ".copy"
	run(".backup '" + copied + "'\n")
	again := testStore(t, Options{Path: copied})
	if page, err := again.Events(context.Background(), Query{}); err != nil || len(page.Events) != 2 {
		t.Errorf("%d events in the copy: %v", len(page.Events), err)
	}

	// Every column is documented.
	rows, err := s.db.Load().reader.Query("SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		_, of, ok := strings.Cut(string(text), "\n| `"+table+"` |")
		if end := strings.Index(of, "\n| `"); end >= 0 {
			of = of[:end]
		}
		if !ok || !strings.Contains(of, "`"+column+"`") {
			t.Errorf("%s.%s is not in docs/history.md", table, column)
		}
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
}
