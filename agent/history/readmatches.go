package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Matched is what was matched in a time.
type Matched struct {
	// Episodes are those with a part in it. Their Newest is nil where it cannot be
	// read, and has no letters.
	Episodes []Episode
	// Matches are those that were kept, in the order of time; some may be later than
	// what was asked for, and stand for earlier ones.
	Matches []EpisodeMatch
	// Counted has for each of Episodes how many of its matches came after the last
	// that was kept, or after KeptUntil, which is zero where none was: they are only
	// counted.
	Counted   []uint64
	KeptUntil []time.Time
	// Starts are when an agent began.
	Starts []time.Time
	// Oldest is the oldest time that the history knows of; zero: it is empty.
	Oldest time.Time
	// Holes counts the entries that tell of a hole in the history.
	Holes int
}

// EpisodeMatch is a match with the index of its episode.
type EpisodeMatch struct {
	Match
	Episode int
}

// MaxMatched is how many episodes and how many matches a Matched may have.
const MaxMatched = 200_000

// ErrTooMuch says that there is more than may be read at once.
var ErrTooMuch = errors.New("there is too much of it")

// Matched gives what was matched from since until before until. ErrTooMuch where
// that is more than MaxMatched.
func (s *Store) Matched(ctx context.Context, since, until time.Time) (Matched, error) {
	var m Matched
	err := s.read(ctx, "matches", func(ctx context.Context, tx *sql.Tx) (err error) {
		m, err = readMatched(ctx, tx, since, until, MaxMatched)
		return err
	})
	if err != nil {
		return Matched{}, err
	}
	return m, nil
}

// ReadMatched gives what Store.Matched does of a file that belongs to nobody now, or
// to a running agent; it changes nothing of it. A file that is missing is an error.
func ReadMatched(ctx context.Context, path string, since, until time.Time) (m Matched, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("reading the matches of the history %s: %w", path, err)
		}
	}()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%w; say where the state folder is (--state, or [agent] state of the file that -c names)", fs.ErrNotExist)
	} else if err != nil {
		return m, err
	}
	if err := checkFile(ctx, path, len(migrations)); err != nil {
		return m, err
	}
	db, err := sql.Open("sqlite", dsn(path, "ro", fmt.Sprintf("busy_timeout(%d)", busyFor.Milliseconds()), "temp_store(memory)"))
	if err != nil {
		return m, err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return m, err
	}
	defer func() { _ = tx.Rollback() }() // there is nothing to commit
	return readMatched(ctx, tx, since, until, MaxMatched)
}

// readMatched reads at most so many episodes and matches.
func readMatched(ctx context.Context, tx *sql.Tx, since, until time.Time, most int) (m Matched, err error) {
	// A file of the first version, which no agent has opened since, has no matches.
	var version int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return m, err
	}
	places, err := m.readEpisodes(ctx, tx, version, since, until, most)
	if err == nil && version > 1 {
		// The next one that was kept may stand for some of before.
		err = m.readMatches(ctx, tx, places, since, until.Add(keepEvery), most)
	}
	if err == nil {
		err = m.readAgent(ctx, tx, since, until)
	}
	return m, err
}

// readEpisodes gives the index of each episode by its seq.
func (m *Matched) readEpisodes(ctx context.Context, tx *sql.Tx, version int, since, until time.Time, most int) (places map[int64]int, err error) {
	kept := "d.kept, d.pending"
	if version == 1 {
		kept = "0, d.count"
	}
	rows, err := tx.QueryContext(ctx, `SELECT d.seq, d.tuple, d.label, d.scorer, d.first, d.last, d.count, d.score, `+kept+`, json_remove(b.body, '$.letters', '$.why')
		FROM detections d LEFT JOIN detection_bodies b ON b.seq = d.seq WHERE d.last >= ? AND d.first < ? ORDER BY d.first, d.seq LIMIT ?`,
		micros(since), micros(until), most+1)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	places = map[int64]int{}
	for rows.Next() {
		if len(m.Episodes) == most {
			return nil, fmt.Errorf("%w: more than %d tuples and labels", ErrTooMuch, most)
		}
		var seq, first, last, kept int64
		var pending uint64
		var score sql.NullFloat64
		var body sql.RawBytes
		var e Episode
		if err := rows.Scan(&seq, &e.Tuple, &e.Label, &e.Scorer, &first, &last, &e.Count, &score, &kept, &pending, &body); err != nil {
			return nil, err
		}
		e.First, e.Last, e.Score = time.UnixMicro(first).UTC(), time.UnixMicro(last).UTC(), score.Float64
		_ = json.Unmarshal(body, &e.Newest) // nil says so
		places[seq] = len(m.Episodes)
		m.Episodes, m.Counted = append(m.Episodes, e), append(m.Counted, pending)
		until := time.Time{}
		if kept > 0 {
			until = time.UnixMicro(kept).UTC()
		}
		m.KeptUntil = append(m.KeptUntil, until)
	}
	return places, rows.Err()
}

func (m *Matched) readMatches(ctx context.Context, tx *sql.Tx, places map[int64]int, since, until time.Time, most int) error {
	rows, err := tx.QueryContext(ctx, `SELECT at, episode, count, time, score, flows, gap, source, generic, behaviour, normal
		FROM matches WHERE at >= ? AND at < ? ORDER BY at, episode, nth LIMIT ?`, micros(since), micros(until), most+1)
	if err != nil {
		return err
	}
	defer rows.Close()
	texts := map[string]string{"": ""} // few, of many rows
	text := func(b sql.RawBytes) string {
		s, ok := texts[string(b)]
		if !ok {
			s = strings.Clone(string(b))
			texts[s] = s
		}
		return s
	}
	for rows.Next() {
		if len(m.Matches) == most {
			return fmt.Errorf("%w: more than %d matches", ErrTooMuch, most)
		}
		var at, episode, gap int64
		var score sql.NullFloat64
		var behaviour, normal sql.RawBytes
		var e EpisodeMatch
		if err := rows.Scan(&at, &episode, &e.Count, &e.Time, &score, &e.Flows, &gap, &e.Source, &e.Generic, &behaviour, &normal); err != nil {
			return err
		}
		place, ok := places[episode]
		if !ok {
			continue
		}
		e.Episode, e.At, e.Score, e.Gap = place, time.UnixMicro(at).UTC(), score.Float64, time.Duration(gap)
		e.Behaviour, e.Normal = text(behaviour), text(normal)
		m.Matches = append(m.Matches, e)
	}
	return rows.Err()
}

// StartedText is how the text of the event begins by which an agent says that it
// has started.
const StartedText = "started in mode "

// holeText is in the text of the event that tells of a hole (tellLost).
const holeText = " events are missing in the history: "

// maxStarts bounds what is read of starts: the newest count.
const maxStarts = 10_000

func (m *Matched) readAgent(ctx context.Context, tx *sql.Tx, since, until time.Time) error {
	var oldest sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT min(t) FROM (SELECT min(seq) / ? AS t FROM events UNION ALL SELECT min(first) FROM detections)", perMicro).Scan(&oldest); err != nil {
		return err
	}
	if oldest.Valid {
		m.Oldest = time.UnixMicro(oldest.Int64).UTC()
	}
	rows, err := tx.QueryContext(ctx, `SELECT e.seq, coalesce(json_extract(b.body, '$.text'), '') FROM events e JOIN event_bodies b USING (seq)
		WHERE e.kind = 'agent' AND e.seq >= ? AND e.seq < ? ORDER BY e.seq`, seqOf(since), seqOf(until))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var text string
		if err := rows.Scan(&seq, &text); err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(text, StartedText):
			m.Starts = append(m.Starts, timeOf(seq))
		case strings.Contains(text, holeText):
			m.Holes++
		}
	}
	if more := len(m.Starts) - maxStarts; more > 0 {
		m.Starts = m.Starts[more:]
	}
	return rows.Err()
}
