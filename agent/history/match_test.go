package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const matchTuple = "10.0.0.5-203.0.113.7-443-tcp"

// matchEach lets a tuple match once a minute, so many times from a minute on.
func matchEach(t *testing.T, s *Store, clock *testClock, from, to int, score func(i int) float64) {
	t.Helper()
	for i := from; i < to; i++ {
		clock.set(start.Add(time.Duration(i) * time.Minute))
		d := testDetection(t, matchTuple, "A")
		d.Score, d.Flows = score(i), uint64(i)
		s.Detected(d)
		if i%7 == 6 {
			flush(t, s)
		}
	}
	flush(t, s)
}

func matched(t *testing.T, s *Store, since, until time.Time) Matched {
	t.Helper()
	m, err := s.Matched(context.Background(), since, until)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The first matches of an episode are kept each, later ones thinned out: none is
// missing from the count, and the strongest score of those that were not kept is.
func TestMatchesAreThinnedOut(t *testing.T) {
	clock := newClock()
	s := testStore(t, Options{Now: clock.now})
	const n = 205
	matchEach(t, s, clock, 0, n, func(i int) float64 {
		if i == 150 {
			return 0.99
		}
		return 0.5
	})
	check := func(m Matched) {
		t.Helper()
		if len(m.Episodes) != 1 || m.Episodes[0].Count != n || m.Episodes[0].Newest == nil || m.Episodes[0].Newest.Letters != "" {
			t.Fatalf("episodes %+v", m.Episodes)
		}
		sum, strong := m.Counted[0], 0
		for i, k := range m.Matches {
			sum += k.Count
			at := k.At.Sub(start)
			switch {
			case i < exactMatches && (k.Count != 1 || at != time.Duration(i)*time.Minute || k.Flows != uint64(i)):
				t.Errorf("match %d: %+v", i, k)
			case i >= exactMatches && (k.Count != 10 || k.At.Sub(m.Matches[i-1].At) != keepEvery):
				t.Errorf("match %d: %+v", i, k)
			}
			if k.Score == 0.99 {
				strong++
				if at < 150*time.Minute || at >= 160*time.Minute {
					t.Errorf("the strong one: %v", at)
				}
			}
		}
		if sum != n || strong != 1 {
			t.Errorf("%d matches, %d of them strong", sum, strong)
		}
		if last := m.Matches[len(m.Matches)-1].At; !m.KeptUntil[0].Equal(last) {
			t.Errorf("kept until %v, the last is of %v", m.KeptUntil[0], last)
		}
	}
	check(matched(t, s, start, start.Add(24*time.Hour)))

	// Whoever is not the agent reads the same, while it runs.
	m, err := ReadMatched(context.Background(), s.opt.Path, start, start.Add(24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	check(m)
	if m := matched(t, s, start.Add(10*time.Minute), start.Add(20*time.Minute)); len(m.Matches) != 20 {
		t.Errorf("%d matches in ten minutes and the ten after", len(m.Matches))
	}
}

// What comes faster than it is written is counted, not lost.
func TestManyMatchesAtOnce(t *testing.T) {
	s := testStore(t, Options{})
	const n = 5000
	for range n {
		s.Detected(testDetection(t, matchTuple, "A"))
	}
	flush(t, s)
	m := matched(t, s, start, start.Add(time.Hour))
	sum := m.Counted[0]
	for _, k := range m.Matches {
		sum += k.Count
	}
	if sum != n || len(m.Matches) > exactMatches+2 {
		t.Errorf("%d of %d matches in %d rows", sum, n, len(m.Matches))
	}
}

// Only so many matches wait in memory to be written; the others are counted.
func TestUnwrittenMatchesAreBounded(t *testing.T) {
	c := counts{max: maxUnwritten, byKey: map[episodeKey]*count{}}
	waiting := func() (n int, all uint64) {
		for _, k := range c.byKey {
			n, all = n+len(k.matches), all+k.n
		}
		return n, all
	}
	const tuples, each = 2000, 80
	d := testDetection(t, matchTuple, "A")
	for i := range tuples {
		d.Label = fmt.Sprint(i)
		for range each {
			c.put(d, start)
		}
	}
	if n, all := waiting(); n != maxUnwritten || c.unwritten != n || all != tuples*each {
		t.Errorf("%d matches wait, it counts %d; %d in all", n, c.unwritten, all)
	}
	taken := c.take(500)
	c.put(d, start)
	c.done(taken, false)
	if n, all := waiting(); n != c.unwritten || all != tuples*each+1 {
		t.Errorf("after a try that failed %d matches wait, it counts %d; %d in all", n, c.unwritten, all)
	}
}

// An older version's file has counts only, before and after an agent has opened it.
func TestMatchesOfTheFirstVersion(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	db, err := sql.Open("sqlite", dsn(path, "rwc"))
	if err != nil {
		t.Fatal(err)
	}
	at := micros(start)
	_, err = db.Exec(schema1+`PRAGMA user_version = 1; PRAGMA application_id = 1397508432;
		INSERT INTO detections (tuple, label, scorer, first, last, count, score) VALUES (?, 'A', 'behaviour', ?, ?, 30, 0.9);
		INSERT INTO detection_bodies VALUES (1, '{}')`, matchTuple, at, at+int64(time.Hour/time.Microsecond))
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	check := func(m Matched, err error) {
		t.Helper()
		if err != nil || len(m.Episodes) != 1 || len(m.Matches) != 0 || m.Counted[0] != 30 || !m.KeptUntil[0].IsZero() {
			t.Errorf("%+v, %v", m, err)
		}
	}
	until := start.Add(2 * time.Hour)
	check(ReadMatched(context.Background(), path, start, until))
	s := testStore(t, Options{Path: path, Now: func() time.Time { return start.Add(61 * time.Minute) }})
	check(s.Matched(context.Background(), start, until))
	s.Detected(testDetection(t, matchTuple, "A"))
	flush(t, s)
	if m := matched(t, s, start, until); len(m.Matches) != 1 || m.Matches[0].Count != 31 || m.Counted[0] != 0 {
		t.Errorf("after a match: %+v", m)
	}
	if _, err := ReadMatched(context.Background(), path+".not", start, until); err == nil {
		t.Error("no error for a file that is missing")
	}
}

// No more is read than fits into memory.
func TestTooManyMatches(t *testing.T) {
	clock := newClock()
	s := testStore(t, Options{Now: clock.now})
	matchEach(t, s, clock, 0, 50, func(int) float64 { return 0.9 })
	d := testDetection(t, matchTuple, "B")
	s.Detected(d)
	flush(t, s)
	for most, fits := range map[int]bool{1: false, 50: false, 51: true} {
		err := s.read(context.Background(), "matches", func(ctx context.Context, tx *sql.Tx) error {
			_, err := readMatched(ctx, tx, start, start.Add(time.Hour), most)
			return err
		})
		if fits != (err == nil) || !fits && !errors.Is(err, ErrTooMuch) {
			t.Errorf("at most %d: %v", most, err)
		}
	}
}

// Matches go with what they belong to.
func TestOldMatchesGo(t *testing.T) {
	clock := newClock()
	s := testStore(t, Options{Now: clock.now, KeepFor: time.Hour})
	matchEach(t, s, clock, 0, 50, func(int) float64 { return 0.9 })
	left := func() (n int) {
		if err := s.db.Load().reader.QueryRow("SELECT count(*) FROM matches").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	clock.set(start.Add(90 * time.Minute))
	s.Detected(testDetection(t, matchTuple, "A"))
	flush(t, s)
	waitFor(t, s, func() bool { return left() == 21 }) // those of the minutes 30 to 49, and the newest
	clock.set(start.Add(4 * time.Hour))
	s.Record(Event{Kind: KindAgent})
	flush(t, s)
	waitFor(t, s, func() bool { return left() == 0 })
}

func TestStartsAndHoles(t *testing.T) {
	s := testStore(t, Options{})
	for i, text := range []string{StartedText + "enforce, version 1", "stopped", "3" + holeText + "the disk is full", StartedText + "dry-run, version 1"} {
		s.Record(Event{Kind: KindAgent, Time: start.Add(time.Duration(i) * time.Hour), Text: text})
	}
	flush(t, s)
	m := matched(t, s, start, start.Add(24*time.Hour))
	if d := cmp.Diff([]time.Time{start, start.Add(3 * time.Hour)}, m.Starts); d != "" || m.Holes != 1 || !m.Oldest.Equal(start) {
		t.Errorf("%s holes %d, oldest %v", d, m.Holes, m.Oldest)
	}
}
