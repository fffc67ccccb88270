package history

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// childEnv makes the test binary one of the children below, with its value as
// the path of the history.
const (
	writerEnv = "SLIPS_TEST_HISTORY_WRITER"
	diskEnv   = "SLIPS_TEST_HISTORY_DISK"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(writerEnv); path != "" {
		fmt.Println(writeForEver(path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver says which events are written, until the process is killed.
func writeForEver(path string) error {
	s, err := Open(Options{Path: path, KeepBytes: 64 << 20})
	if err != nil {
		return err
	}
	tuple, err := argusfeed.ParseTuple("10.0.0.5-203.0.113.7-443-tcp")
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		var written []string
		for i := range 1 + n%40 {
			e := Event{ID: fmt.Sprintf("%d-%d-%d", os.Getpid(), n, i), Time: time.Now(), Kind: KindAlert, Text: strings.Repeat("x", 10*n%5000)}
			s.Record(e)
			s.Detected(detection.Detection{Tuple: tuple, Label: "A", Scorer: "behaviour", Time: argusfeed.TimeOf(e.Time)})
			written = append(written, e.ID)
		}
		if err := s.Flush(context.Background()); err != nil {
			return err
		}
		fmt.Println(strings.Join(written, " "))
	}
}

// What Flush said is on the disk is there after kill -9, in whatever moment.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	var all []string
	for round := range 15 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), writerEnv+"="+path)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if n == 7*round { // what it is doing by then is chance
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
			for id := range strings.FieldsSeq(lines.Text()) {
				if !strings.HasPrefix(id, fmt.Sprint(child.Process.Pid)) {
					t.Fatalf("the child says %q", lines.Text())
				}
				all = append(all, id)
			}
		}
		_ = child.Wait()

		log := &logText{}
		s, err := Open(Options{Path: path, Log: log.logger(), KeepBytes: 64 << 20})
		if err != nil {
			t.Fatal(err)
		}
		db := s.db.Load()
		if sound, err := db.sound(context.Background()); err != nil || !sound || log.String() != "" {
			t.Errorf("round %d: sound %v, %v; log %q", round, sound, err, log)
		}
		have := idsOnDisk(t, db)
		for _, id := range all {
			if !have[id] {
				t.Errorf("round %d: event %s is missing", round, id)
			}
		}
		page, err := s.Detections(context.Background(), DetectionQuery{})
		if err != nil || len(page.Episodes) != 1 || page.Episodes[0].Count < uint64(len(all)) {
			t.Errorf("round %d: %d were counted: %+v %v", round, len(all), page.Episodes, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d events in 15 rounds", len(all))
}

func idsOnDisk(t *testing.T, db *database) map[string]bool {
	t.Helper()
	rows, err := db.reader.Query("SELECT id FROM events JOIN event_bodies USING (seq)")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	have := make(map[string]bool)
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		have[id] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return have
}
