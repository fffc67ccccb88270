package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"slips-ips/detection"
)

// How much is written in one transaction. It bounds how long another program
// that writes, or a step of the retention, has to wait.
const (
	batchEvents = 500
	batchCounts = 500
)

// statements are prepared on the writer's connection.
type statements struct {
	all []*sql.Stmt

	newestSeq, event, body, label *sql.Stmt
	episode, newEpisode, longer   *sql.Stmt
	newEvidence, evidence         *sql.Stmt
	match, thinned                *sql.Stmt
	newBlock, replaced, ended     *sql.Stmt
	endedAll                      *sql.Stmt
}

func (s *statements) close() {
	for _, stmt := range s.all {
		_ = stmt.Close() // the connection is closed next
	}
}

func (db *database) prepare(ctx context.Context) error {
	for _, p := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&db.insert.newestSeq, "SELECT max(seq) FROM events WHERE seq >= ? AND seq < ?"},
		// An event that is there already was written by a try whose end was not known.
		{&db.insert.event, "INSERT INTO events (seq, id, kind, tuple, src, dst, label, source, block) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING"},
		{&db.insert.body, "INSERT INTO event_bodies (seq, body) VALUES (?, ?)"},
		{&db.insert.label, "INSERT INTO labels (label) VALUES (?) ON CONFLICT DO NOTHING"},
		{&db.insert.episode, "SELECT seq, last, score, count, kept, pending, pending_score FROM detections WHERE tuple = ? AND label = ? AND scorer = ? ORDER BY last DESC LIMIT 1"},
		{&db.insert.newEpisode, "INSERT INTO detections (tuple, src, dst, label, scorer, first, last, count, score) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&db.insert.longer, "UPDATE detections SET last = max(last, ?), count = count + ?, score = ? WHERE seq = ?"},
		{&db.insert.newEvidence, "INSERT INTO detection_bodies (seq, body) VALUES (?, ?)"},
		{&db.insert.evidence, "UPDATE detection_bodies SET body = ? WHERE seq = ?"},
		{&db.insert.match, "INSERT INTO matches (at, episode, nth, count, time, score, flows, gap, source, generic, behaviour, normal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"},
		{&db.insert.thinned, "UPDATE detections SET kept = ?, pending = ?, pending_score = ? WHERE seq = ?"},
		{&db.insert.newBlock, `INSERT INTO blocks (id, tuple, scope, since, until, renewal, dry_run, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET until = excluded.until, body = excluded.body`},
		{&db.insert.replaced, `UPDATE blocks INDEXED BY blocks_open SET ended = ?, "end" = 'replaced' WHERE tuple = ? AND scope = ? AND dry_run = ? AND id <> ? AND ended IS NULL`},
		{&db.insert.ended, `UPDATE blocks SET ended = ?, "end" = ? WHERE id = ? AND ended IS NULL`},
		{&db.insert.endedAll, `UPDATE blocks SET ended = ?, "end" = ? WHERE until > ? AND since <= ? AND ended IS NULL`},
	} {
		stmt, err := db.writer.PrepareContext(ctx, p.sql)
		if err != nil {
			return fmt.Errorf("preparing to write: %w", err)
		}
		*p.to = stmt
		db.insert.all = append(db.insert.all, stmt)
	}
	return nil
}

// writeEvents writes a batch or nothing of it. added is how many events are new,
// refused says which can never be written; those are left out.
func (db *database) writeEvents(ctx context.Context, events []Event) (added int, refused []error, err error) {
	labels := db.newLabels()
	err = transact(ctx, db.writer, func() error {
		for i := range events {
			isNew, err := db.writeEvent(ctx, &events[i], labels)
			switch {
			case isOne(err):
				refused = append(refused, fmt.Errorf("event %q: %w", events[i].ID, err))
			case err != nil:
				return err
			case isNew:
				added++
			}
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	labels.keep()
	return added, refused, nil
}

func (db *database) writeEvent(ctx context.Context, e *Event, labels *newLabels) (isNew bool, err error) {
	seq, err := db.freeSeq(ctx, seqOf(e.Time))
	if err != nil {
		return false, err
	}
	r := rowOf(e)
	res, err := db.insert.event.ExecContext(ctx, seq, e.ID, string(e.Kind), r.tuple, r.src, r.dst, r.label, r.source, r.block)
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return false, err
	}
	if _, err := db.insert.body.ExecContext(ctx, seq, string(encodeEvent(*e))); err != nil {
		return false, err
	}
	if label, ok := r.label.(string); ok {
		if err := labels.add(ctx, label); err != nil {
			return false, err
		}
	}
	return true, db.writeBlock(ctx, e)
}

// freeSeq gives the first free place in the microsecond that begins at seq, or
// after it.
func (db *database) freeSeq(ctx context.Context, seq int64) (int64, error) {
	for {
		var newest sql.NullInt64
		if err := db.insert.newestSeq.QueryRowContext(ctx, seq, seq+perMicro).Scan(&newest); err != nil {
			return 0, err
		}
		switch {
		case !newest.Valid:
			return seq, nil
		case newest.Int64 < seq+perMicro-1:
			return newest.Int64 + 1, nil
		}
		seq += perMicro
	}
}

// writeBlock keeps the table of blocks in step with the events.
func (db *database) writeBlock(ctx context.Context, e *Event) error {
	if all := e.Ended; all != nil && e.Error == "" {
		at := micros(all.Before)
		_, err := db.insert.endedAll.ExecContext(ctx, micros(e.Time), string(all.End), at, at)
		return err
	}
	b := e.Block
	if b == nil || e.Error != "" {
		return nil
	}
	var err error
	switch e.Kind {
	case KindBlock:
		until := b.Until
		if until.IsZero() {
			until = b.Since.Add(b.Duration)
		}
		body, merr := json.Marshal(b)
		if merr != nil {
			return nil // the event says what could not be kept
		}
		tuple := b.Tuple.String()
		if _, err = db.insert.newBlock.ExecContext(ctx, b.ID, tuple, string(b.Scope), micros(b.Since), micros(until),
			b.Renewal, b.DryRun, string(body)); err != nil {
			return err
		}
		_, err = db.insert.replaced.ExecContext(ctx, micros(b.Since), tuple, string(b.Scope), b.DryRun, b.ID)
	case KindLift:
		_, err = db.insert.ended.ExecContext(ctx, micros(e.Time), string(b.End), b.ID)
	}
	return err
}

// writeCounts adds what was counted to the episodes, or nothing of it.
func (db *database) writeCounts(ctx context.Context, all map[episodeKey]*count, gap time.Duration) error {
	labels := db.newLabels()
	err := transact(ctx, db.writer, func() error {
		for k, c := range all {
			if err := db.writeCount(ctx, k, c, gap); err != nil {
				return err
			}
			if err := labels.add(ctx, k.label); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		labels.keep()
	}
	return err
}

func (db *database) writeCount(ctx context.Context, k episodeKey, c *count, gap time.Duration) error {
	evidence, err := json.Marshal(encodable(c.newest))
	if err != nil {
		evidence = []byte("{}")
	}
	tuple := k.tuple.String()
	var seq, last, kept int64
	var score, pendingScore sql.NullFloat64
	var thin thinning
	err = db.insert.episode.QueryRowContext(ctx, tuple, k.label, k.scorer).Scan(&seq, &last, &score, &thin.seen, &kept, &thin.pending, &pendingScore)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	// A clock that was set back makes no new episode.
	if err == nil && micros(c.first)-last <= gap.Microseconds() {
		best := c.score
		if score.Valid {
			best = strongest(c.newest, c.score, score.Float64)
		}
		if _, err := db.insert.longer.ExecContext(ctx, micros(c.last), int64(c.n), best, seq); err != nil {
			return err
		}
		if _, err = db.insert.evidence.ExecContext(ctx, string(evidence), seq); err != nil {
			return err
		}
		thin.kept, thin.score = time.UnixMicro(kept), pendingScore.Float64
		return db.writeMatches(ctx, seq, c, thin)
	}
	res, err := db.insert.newEpisode.ExecContext(ctx, tuple, addrKey(k.tuple.Src), addrKey(k.tuple.Dst), k.label, k.scorer,
		micros(c.first), micros(c.last), int64(c.n), c.score)
	if err != nil {
		return err
	}
	if seq, err = res.LastInsertId(); err != nil {
		return err
	}
	if _, err = db.insert.newEvidence.ExecContext(ctx, seq, string(evidence)); err != nil {
		return err
	}
	return db.writeMatches(ctx, seq, c, thinning{})
}

// writeMatches keeps those of the matches of c that are to be.
func (db *database) writeMatches(ctx context.Context, episode int64, c *count, thin thinning) error {
	matches := c.matches
	if rest := c.n - uint64(len(matches)); rest > 0 {
		m := matchOf(c.newest, c.last)
		m.Count, m.Score = rest, encodable(detection.Detection{Score: c.score}).Score
		matches = append(slices.Clip(matches), m)
	}
	stronger := detection.Scoring(c.newest.Scorer).Stronger
	for _, m := range matches {
		if !thin.take(&m, stronger) {
			continue
		}
		if _, err := db.insert.match.ExecContext(ctx, micros(m.At), episode, int64(thin.seen), int64(m.Count), int64(m.Time), m.Score,
			int64(m.Flows), int64(m.Gap), m.Source, m.Generic, m.Behaviour, m.Normal); err != nil {
			return err
		}
	}
	_, err := db.insert.thinned.ExecContext(ctx, micros(thin.kept), int64(thin.pending), thin.score, episode)
	return err
}

// newLabels are those that a transaction adds; they are known once it is over.
type newLabels struct {
	db    *database
	added []string
}

func (db *database) newLabels() *newLabels { return &newLabels{db: db} }

func (n *newLabels) add(ctx context.Context, label string) error {
	if n.db.labels[label] {
		return nil
	}
	if _, err := n.db.insert.label.ExecContext(ctx, label); err != nil {
		return err
	}
	n.added = append(n.added, label)
	return nil
}

// maxLabels bounds the memory of known labels; beyond it they are only asked of
// the file again.
const maxLabels = 10_000

func (n *newLabels) keep() {
	for _, l := range n.added {
		if len(n.db.labels) < maxLabels {
			n.db.labels[l] = true
		}
	}
}
