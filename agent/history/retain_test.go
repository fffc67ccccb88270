package history

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"testing"
	"time"

	"slips-ips/internal/testenv"
)

func TestWhatIsTooOldGoes(t *testing.T) {
	clock := newClock()
	s := testStore(t, Options{KeepFor: 24 * time.Hour, Now: clock.now})
	const many = 3*retainRows + 10
	for i := range many {
		s.Record(Event{Time: start.Add(time.Duration(i) * time.Millisecond), Kind: KindAgent})
		d := testDetection(t, fmt.Sprintf("10.0.%d.%d-203.0.113.7-443-tcp", i/250, i%250), "A")
		s.Detected(d)
	}
	block := testBlock(t, 60, "10.0.0.5-203.0.113.7-443-tcp")
	block.Block.Until = start.Add(48 * time.Hour) // outlives its event
	s.Record(block)
	flush(t, s)
	if n := s.Status().Events; n != many+1 {
		t.Fatalf("%d events", n)
	}
	later := start.Add(24*time.Hour + time.Minute)
	clock.set(later)
	last := Event{ID: newID(t), Time: later, Kind: KindAgent}
	s.Record(last)
	flush(t, s)
	flushed := func(want int64) Page {
		t.Helper()
		waitFor(t, s, func() bool { return s.Status().Events == want })
		page, err := s.Events(context.Background(), Query{Limit: MaxPage})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	if page := flushed(2); len(page.Events) != 2 || page.Events[0].ID != last.ID || page.Events[1].ID != block.ID {
		t.Errorf("events %v", ids(page.Events))
	}
	later = later.Add(time.Hour)
	clock.set(later)
	s.Record(Event{Time: later, Kind: KindAgent})
	flush(t, s)
	flushed(2)
	found, err := s.Detections(context.Background(), DetectionQuery{Limit: MaxPage})
	if err != nil || len(found.Episodes) != 0 {
		t.Errorf("%d detections: %v", len(found.Episodes), err)
	}
	blocks, err := s.Blocks(context.Background())
	if err != nil || len(blocks) != 1 || blocks[0].ID != block.ID {
		t.Errorf("blocks in force %v: %v", blocks, err)
	}
	if oldest := s.Status().Oldest; !oldest.Equal(last.Time) {
		t.Errorf("the oldest is of %v, want %v", oldest, last.Time)
	}
}

// waitFor waits for what the writer does on its own, as the retention.
func waitFor(t *testing.T, s *Store, ok func() bool) {
	t.Helper()
	testenv.Until(t, "what the writer does", ok, said(s))
}

const testKeepBytes = 8 << 20

func onDisk(t *testing.T, path string) (bytes int64) {
	t.Helper()
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		bytes += info.Size()
	}
	return bytes
}

// fill records n events and as many detections, one a second of the store's
// clock, and gives the last event.
func fill(t *testing.T, s *Store, clock *testClock, from, n int) (last Event) {
	t.Helper()
	for i := from; i < from+n; i++ {
		last = testAlert(t, i, fmt.Sprintf("10.%d.%d.%d-203.0.113.7-443-tcp", i>>16, i>>8&255, i&255), "From-Botnet-TCP-HTTP-CC-1")
		clock.set(last.Time)
		s.Record(last)
		s.Detected(*last.Detection)
		if i%1000 == 999 {
			flush(t, s)
		}
	}
	flush(t, s)
	return last
}

func TestTheFileStaysSmall(t *testing.T) {
	clock := newClock()
	s := testStore(t, Options{KeepBytes: testKeepBytes, Now: clock.now})
	block := testBlock(t, 0, "10.0.0.5-203.0.113.7-443-tcp")
	block.Block.Until = start.Add(720 * time.Hour)
	s.Record(block)
	for i := range 3 {
		last := fill(t, s, clock, 1+2000*i, 2000)
		// The last batch may be on the disk before the retention has looked.
		waitFor(t, s, func() bool { return onDisk(t, s.opt.Path) <= testKeepBytes })
		if _, err := s.Event(context.Background(), last.ID); err != nil {
			t.Errorf("the newest event: %v", err)
		}
	}
	st := s.Status()
	if st.Events < 1000 || st.Events > 6000 || st.Lost != 0 {
		t.Errorf("status %+v", st)
	}
	page, err := s.Detections(context.Background(), DetectionQuery{Limit: MaxPage})
	if err != nil || len(page.Episodes) < 1000 {
		t.Errorf("%d episodes: %v", len(page.Episodes), err)
	}
	if oldest := page.Episodes[len(page.Episodes)-1].Last; oldest.Sub(st.Oldest).Abs() > time.Hour {
		t.Errorf("events go back to %v, detections to %v", st.Oldest, oldest)
	}
	blocks, err := s.Blocks(context.Background())
	if err != nil || len(blocks) != 1 {
		t.Errorf("blocks in force %v: %v", blocks, err)
	}
}

// A program that reads for hours makes the log long, for it sees the file as it
// was; but it must not make the retention remove everything, and the log is
// emptied once it has gone.
func TestAReaderThatStays(t *testing.T) {
	clock := newClock()
	s := testStore(t, Options{KeepBytes: testKeepBytes, Now: clock.now})
	first := fill(t, s, clock, 0, 1000)
	db, err := sql.Open("sqlite", dsn(s.opt.Path, "ro"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := tx.QueryRow("SELECT count(*) FROM events").Scan(&n); err != nil || n != 1000 {
		t.Fatalf("%d events: %v", n, err)
	}
	last := fill(t, s, clock, 1000, 4000)
	if n := s.Status().Events; n < 1000 {
		t.Errorf("only %d events are left", n)
	}
	if err := tx.QueryRow("SELECT count(*) FROM events WHERE id = ?", first.ID).Scan(&n); err != nil || n != 1 {
		t.Errorf("the reader sees another file than before: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	fill(t, s, clock, 5000, 10)
	waitFor(t, s, func() bool { return onDisk(t, s.opt.Path) <= testKeepBytes })
	if _, err := s.Event(context.Background(), last.ID); err != nil {
		t.Error(err)
	}
}

// Readers that follow one another without a pause keep SQLite from ever emptying
// the log by itself.
func TestReadersDoNotMakeTheLogGrow(t *testing.T) {
	clock := newClock()
	s := testStore(t, Options{KeepBytes: testKeepBytes, Now: clock.now})
	fill(t, s, clock, 0, 500)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	for range 3 {
		go func() {
			for {
				if _, err := s.Events(ctx, Query{Limit: 200, Label: "*cc*"}); err != nil {
					if ctx.Err() != nil {
						err = nil
					}
					done <- err
					return
				}
			}
		}()
	}
	for i := range 2 {
		fill(t, s, clock, 500+1500*i, 1500)
		t.Logf("the log has %d bytes", s.db.Load().walSize())
		// Readers do not pause, and it is emptied.
		waitFor(t, s, func() bool { return s.db.Load().walSize() <= testKeepBytes/4 })
	}
	stop()
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// While the log is to be emptied new readers wait for those before them, but the
// writer does not.
func TestReadersWaitForTheLogToBeEmptied(t *testing.T) {
	clock := newClock()
	s := testStore(t, Options{KeepBytes: testKeepBytes, Now: clock.now})
	fill(t, s, clock, 0, 100)
	begun, leave, left := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		left <- s.read(context.Background(), "all", func(ctx context.Context, tx *sql.Tx) error {
			var n int
			err := tx.QueryRow("SELECT count(*) FROM events").Scan(&n)
			close(begun)
			<-leave
			return err
		})
	}()
	<-begun
	for from := 100; s.db.Load().walSize() <= testKeepBytes/4; from += 1000 {
		fill(t, s, clock, from, 1000)
	}
	waitFor(t, s, func() bool {
		s.gate.mu.Lock()
		defer s.gate.mu.Unlock()
		return s.gate.open != nil
	})
	last := fill(t, s, clock, 50_000, 10)
	done := make(chan error)
	go func() {
		_, err := s.Event(context.Background(), last.ID)
		done <- err
	}()
	close(leave)
	if err := <-left; err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	waitFor(t, s, func() bool { return s.db.Load().walSize() <= testKeepBytes/4 })
}
