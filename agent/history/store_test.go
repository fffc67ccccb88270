package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What is recorded comes back as it was, whatever kind it is.
func TestEventsComeBack(t *testing.T) {
	s := testStore(t, Options{})
	failed := testBlock(t, 2, "fe80::1-2001:db8::7-0x0087-ipv6-icmp")
	failed.Error = "the kernel said no"
	failed.Block.DryRun, failed.Block.Renewal = true, true
	blocked := testBlock(t, 3, "10.0.0.5-203.0.113.7-443-tcp")
	blocked.By = &Who{UID: 1000, User: "eva", Login: "eva", From: "10.0.0.9", PID: 77}
	want := []Event{
		{ID: newID(t), Time: start, Kind: KindAgent, Mode: "enforce", Text: "started"},
		testAlert(t, 1, "02:00:00:00:01:04-ff:ff:ff:ff:ff:ff--arp", "From-Botnet-*"),
		failed, blocked,
		lift(t, start.Add(4*time.Second), blocked, EndLifted),
		{ID: newID(t), Time: start.Add(5 * time.Second), Kind: KindFeed, Text: "back",
			Feed: &Feed{Source: "argus://127.0.0.1:561", State: "live", Before: "gap", Away: 3 * time.Second, Missed: 7}},
		{ID: newID(t), Time: start.Add(6 * time.Second), Kind: KindChange, Changes: []string{"policy.duration: 1h -> 2h"}},
	}
	for _, e := range want {
		s.Record(e)
	}
	flush(t, s)
	page, err := s.Events(context.Background(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range want {
		if d := cmp.Diff(e, page.Events[len(want)-1-i], sameTuple); d != "" {
			t.Errorf("%s: %s", e.Kind, d)
		}
		got, err := s.Event(context.Background(), e.ID)
		if d := cmp.Diff(e, got, sameTuple); err != nil || d != "" {
			t.Errorf("%s by its id: %v %s", e.Kind, err, d)
		}
	}
	if len(page.Events) != len(want) || page.Next != "" {
		t.Errorf("%d events and next %q, want %d", len(page.Events), page.Next, len(want))
	}
	if _, err := s.Event(context.Background(), newID(t)); !errors.Is(err, ErrNotFound) {
		t.Errorf("an event that there is not: %v", err)
	}
	got, err := s.BlockEvent(context.Background(), blocked.Block.ID)
	if err != nil || got.ID != blocked.ID || got.Decision == nil {
		t.Errorf("the event of the block: %+v, %v", got, err)
	}
	st := s.Status()
	if st.Events != int64(len(want)) || !st.Oldest.Equal(start) || st.Size == 0 || st.Waiting != 0 || st.Lost != 0 || st.Error != "" {
		t.Errorf("status %+v", st)
	}
}

// An event that JSON cannot hold loses its details, not itself nor the others.
func TestEventsThatCannotBeWritten(t *testing.T) {
	s := testStore(t, Options{})
	odd := testAlert(t, 1, "10.0.0.5-203.0.113.7-443-tcp", "x")
	odd.Detection.Score = math.NaN()
	odd.Detection.Threshold = math.Inf(1)
	ancient := testAlert(t, 2, "10.0.0.5-203.0.113.7-443-tcp", "x")
	ancient.Time = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
	long := Event{ID: newID(t), Time: start, Kind: KindChange, Text: "long", Changes: []string{strings.Repeat("x", maxBody)}}
	twice := Event{ID: odd.ID, Time: start, Kind: KindAgent, Text: "the same ID"}
	bare := Event{Kind: KindAgent, Text: "no ID and no time"}
	for _, e := range []Event{odd, ancient, long, twice, bare} {
		s.Record(e)
	}
	flush(t, s)
	got := func(id string) Event {
		e, err := s.Event(context.Background(), id)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	if e := got(odd.ID); e.Detection == nil || e.Detection.Score != 0 || !math.IsNaN(e.Decision.Score) && e.Decision.Score != 0.97 {
		t.Errorf("a detection without a score: %+v", e)
	}
	if e := got(ancient.ID); !strings.Contains(e.Text, "details were not kept") {
		t.Errorf("an event of another age: %+v", e)
	}
	if e := got(long.ID); !strings.Contains(e.Text, "long (the details were not kept") || len(e.Changes) != 0 {
		t.Errorf("a long event: %.200v", e)
	}
	page, err := s.Events(context.Background(), Query{Kinds: []Kind{KindAgent}})
	if n := s.Status().Events; n != 4 { // one came twice
		t.Errorf("%d events", n)
	}
	if err != nil || len(page.Events) != 1 || page.Events[0].Text != bare.Text || page.Events[0].ID == "" || !page.Events[0].Time.Equal(start) {
		t.Errorf("events %+v, %v", page, err)
	}
}

// More events have one time than there are places for.
func TestManyEventsOfOneMoment(t *testing.T) {
	s := testStore(t, Options{})
	var want []string
	for range 3 * perMicro {
		e := Event{ID: newID(t), Time: start, Kind: KindAgent}
		want = append([]string{e.ID}, want...)
		s.Record(e)
	}
	flush(t, s)
	page, err := s.Events(context.Background(), Query{Limit: 5 * perMicro})
	if d := cmp.Diff(want, ids(page.Events)); err != nil || d != "" {
		t.Error(err, d)
	}
}

func TestFilesAreForTheAgentAlone(t *testing.T) {
	// Characters that mean something in a URI.
	path := filepath.Join(t.TempDir(), "a state?", "100%#", "history.db")
	s := testStore(t, Options{Path: path})
	s.Record(Event{Kind: KindAgent})
	flush(t, s)
	for name, want := range map[string]os.FileMode{
		filepath.Dir(path): os.ModeDir | folderMode, path: fileMode, path + "-wal": fileMode, path + "-shm": fileMode, path + ".lock": fileMode,
	} {
		info, err := os.Stat(name)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: %v %v, want %v", name, info.Mode(), err, want)
		}
	}
	var vacuum, sync int
	var journal string
	db := s.db.Load()
	row := db.writer.QueryRowContext(context.Background(), "SELECT auto_vacuum, journal_mode, synchronous FROM pragma_auto_vacuum, pragma_journal_mode, pragma_synchronous")
	if err := row.Scan(&vacuum, &journal, &sync); err != nil || vacuum != 2 || journal != "wal" || sync != 1 {
		t.Errorf("auto_vacuum %d, journal_mode %s, synchronous %d: %v", vacuum, journal, sync, err)
	}
}

func TestOneWriterOnly(t *testing.T) {
	s := testStore(t, Options{})
	_, err := Open(Options{Path: s.opt.Path})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("a second writer: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(Options{Path: s.opt.Path})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestClosed(t *testing.T) {
	s := testStore(t, Options{})
	e := testAlert(t, 1, "10.0.0.5-203.0.113.7-443-tcp", "x")
	s.Record(e)
	s.Detected(*e.Detection)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s.Record(e)
	s.Detected(*e.Detection)
	if _, err := s.Events(context.Background(), Query{}); !errors.Is(err, ErrClosed) {
		t.Errorf("reading: %v", err)
	}
	if err := s.Flush(context.Background()); err != nil {
		t.Errorf("flushing what was written: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	again := testStore(t, Options{Path: s.opt.Path})
	page, err := again.Events(context.Background(), Query{})
	found, derr := again.Detections(context.Background(), DetectionQuery{})
	if err != nil || derr != nil || len(page.Events) != 1 || len(found.Episodes) != 1 || again.Status().Events != 1 {
		t.Errorf("%d events, %d episodes, status %+v: %v %v", len(page.Events), len(found.Episodes), again.Status(), err, derr)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(file, "history.db"), dir} {
		if _, err := Open(Options{Path: path}); err == nil || !strings.Contains(err.Error(), "opening the history "+path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{KeepDays: 0, MaxMiB: 1, Queue: 5}.Validate()
	want := "keep_days: 0 is not allowed; use 1 to 3650\nmax_mib: 1 is not allowed; use 8 to 1048576\nqueue: 5 is not allowed; use 100 to 1000000"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	opt := DefaultConfig().Options()
	if opt.KeepFor != 90*24*time.Hour || opt.KeepBytes != 512<<20 || opt.QueueLen != 10_000 {
		t.Errorf("%+v", opt)
	}
}

// The embedded block must not swallow what is around it.
func TestBlockJSON(t *testing.T) {
	b := testBlock(t, 1, "10.0.0.5-203.0.113.7-443-tcp").Block
	b.ID = "B"
	b.End = EndExpired
	text, err := b.MarshalJSON()
	want := `{"id":"B","tuple":"10.0.0.5-203.0.113.7-443-tcp","scope":"tuple","seconds":3600,"label":"From-Botnet-TCP-HTTP-CC-1",` +
		`"since":"2026-03-01T12:00:01Z","until":"2026-03-01T13:00:01Z","end":"expired"}`
	if err != nil || string(text) != want {
		t.Errorf("%s, want %s: %v", text, want, err)
	}
	var bad Block
	for _, text := range []string{`{"scope":"world"}`, `{"since":"yesterday"}`} {
		if err := bad.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s is a block: %+v", text, bad)
		}
	}
}

func FuzzDecodeEvent(f *testing.F) {
	f.Add([]byte("{}"))
	f.Add(encodeEvent(Event{ID: "a", Kind: KindFeed, Feed: &Feed{Away: 1}}))
	f.Add([]byte(`{"id":"a","kind":"feed","decision":{"action":"block"},"block":{"seconds":1e9},"detection":{"tuple":"a-b-1-c"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e := decodeEvent(0, "a", KindFeed, body)
		if e.ID != "a" || e.Kind != KindFeed {
			t.Fatalf("%q is read as %+v", body, e)
		}
		again := decodeEvent(0, "a", KindFeed, encodeEvent(e))
		if strings.HasPrefix(again.Text, "this entry") && !strings.HasPrefix(e.Text, "this entry") {
			t.Fatalf("%q is read as %+v, and written not read again: %s", body, e, again.Text)
		}
	})
}
