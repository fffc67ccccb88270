package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

// readFor bounds one query: a reader that takes longer would keep the log from
// being emptied.
const readFor = 10 * time.Second

// read runs do in a transaction that sees the file at one moment. What it gives
// is in memory when it returns: however slowly somebody takes it from there, no
// transaction waits for that.
func (s *Store) read(ctx context.Context, what string, do func(context.Context, *sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, readFor)
	defer cancel()
	defer context.AfterFunc(s.reading, cancel)()
	err := s.gate.wait(ctx)
	if err == nil {
		err = s.readNow(ctx, do)
	}
	switch {
	case err == nil:
		return nil
	case s.reading.Err() != nil:
		err = ErrClosed
	case isCorrupt(err):
		s.suspect.Store(true)
		s.poke()
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("it takes longer than %v; ask for less: %w", readFor, err)
	}
	return fmt.Errorf("reading %s from the history: %w", what, err)
}

func (s *Store) readNow(ctx context.Context, do func(context.Context, *sql.Tx) error) error {
	db := s.db.Load()
	if db == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.failure != nil {
			return fmt.Errorf("%w: %w", ErrUnavailable, s.failure)
		}
		return ErrUnavailable
	}
	tx, err := db.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // there is nothing to commit
	return do(ctx, tx)
}

// Events gives a page of what happened, the newest first. Events that wait to be
// written are not among them.
func (s *Store) Events(ctx context.Context, q Query) (Page, error) {
	limit := pageLimit(q.Limit)
	page := Page{Events: []Event{}}
	err := s.read(ctx, "events", func(ctx context.Context, tx *sql.Tx) error {
		var w where
		if err := w.events(ctx, tx, q); err != nil {
			return err
		}
		events, err := selectEvents(ctx, tx, &w, limit+1)
		if err != nil {
			return err
		}
		if len(events) > limit {
			events = events[:limit]
			page.Next = events[limit-1].ID
		}
		page.Events = append(page.Events, events...)
		return nil
	})
	if err != nil {
		return Page{}, err
	}
	return page, nil
}

// events adds the conditions of q.
func (w *where) events(ctx context.Context, tx *sql.Tx, q Query) error {
	if q.After != "" {
		seq, err := seqAfter(ctx, tx, q.After)
		if err != nil {
			return err
		}
		w.add("seq < ?", seq)
	}
	if !q.Since.IsZero() {
		w.add("seq >= ?", seqOf(q.Since))
	}
	if !q.Until.IsZero() {
		w.add("seq < ?", seqOf(q.Until))
	}
	if q.ID != "" {
		w.add("seq IN (SELECT seq FROM events WHERE id = ? UNION SELECT seq FROM events WHERE block = ?)", q.ID, q.ID)
	}
	if q.Tuple != "" {
		w.add("tuple = ?", q.Tuple)
	}
	if err := w.host("events", q.Host, true); err != nil {
		return err
	}
	if len(q.Kinds) > 0 {
		kinds := make([]any, len(q.Kinds))
		for i, k := range q.Kinds {
			kinds[i] = string(k)
		}
		w.add("kind IN (?"+strings.Repeat(", ?", len(kinds)-1)+")", kinds...)
	}
	if q.Source != "" {
		w.add("source = ?", q.Source)
	}
	return w.label(ctx, tx, q.Label)
}

// seqAfter finds the place of the event with that ID. One that the retention
// has removed meanwhile was at the time that its ID tells.
func seqAfter(ctx context.Context, tx *sql.Tx, id string) (int64, error) {
	var seq int64
	err := tx.QueryRowContext(ctx, "SELECT seq FROM events WHERE id = ?", id).Scan(&seq)
	if !errors.Is(err, sql.ErrNoRows) {
		return seq, err
	}
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 {
		return 0, fmt.Errorf("%w: after: there is no event %.100q; use the \"next\" of the page before", ErrQuery, id)
	}
	sec, nsec := u.Time().UnixTime()
	return seqOf(time.Unix(sec, nsec)), nil
}

func selectEvents(ctx context.Context, tx *sql.Tx, w *where, limit int) ([]Event, error) {
	// The rows are walked before their bodies are looked at.
	rows, err := tx.QueryContext(ctx, "SELECT e.seq, e.id, e.kind, coalesce(b.body, '{}') FROM (SELECT seq, id, kind FROM events"+
		w.String()+" ORDER BY seq DESC LIMIT ?) e LEFT JOIN event_bodies b ON b.seq = e.seq ORDER BY e.seq DESC", append(w.args, limit)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var events []Event
	for rows.Next() {
		var seq int64
		var id, kind string
		var body []byte
		if err := rows.Scan(&seq, &id, &kind, &body); err != nil {
			return nil, err
		}
		events = append(events, decodeEvent(seq, id, Kind(kind), body))
	}
	return events, rows.Err()
}

// Event gives the event with that ID; ErrNotFound where there is none (any more).
func (s *Store) Event(ctx context.Context, id string) (Event, error) {
	return s.one(ctx, "event "+id, "id = ?", id)
}

// BlockEvent gives the newest event that began the block with that ID, with its
// decision; ErrNotFound.
func (s *Store) BlockEvent(ctx context.Context, block string) (Event, error) {
	return s.one(ctx, "block "+block,
		"seq IN (SELECT seq FROM events WHERE id = ? UNION SELECT seq FROM events WHERE block = ?) AND kind = 'block'", block, block)
}

func (s *Store) one(ctx context.Context, what, condition string, args ...any) (Event, error) {
	var e Event
	err := s.read(ctx, what, func(ctx context.Context, tx *sql.Tx) error {
		var w where
		w.add(condition, args...)
		events, err := selectEvents(ctx, tx, &w, 1)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			return ErrNotFound
		}
		e = events[0]
		return nil
	})
	return e, err
}
