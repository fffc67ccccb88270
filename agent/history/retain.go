package history

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"
)

const (
	// retainRows is how many entries one step of the retention removes at most,
	// so that no event waits long for it.
	retainRows = 1000
	// retainSteps is how many steps are taken between two batches of events, which
	// are smaller: removing keeps up with writing.
	retainSteps = 4
	// vacuumPages is how many free pages one step gives back to the disk.
	vacuumPages = 500
)

// retention is what is kept.
type retention struct {
	keepFor   time.Duration // 0: for ever
	keepBytes int64         // 0: any size
	wal       int64         // how much of keepBytes is the log's
}

// retain takes one step towards what is to be kept. more tells that another one
// is needed; removed is how many events went.
func (db *database) retain(ctx context.Context, r retention, now time.Time) (removed int64, more bool, err error) {
	if r.keepFor > 0 {
		removed, more, err = db.removeBefore(ctx, now.Add(-r.keepFor))
		if err != nil || more {
			return removed, more, err
		}
	}
	used, file, _, err := db.sizes(ctx)
	if err != nil {
		return removed, false, err
	}
	// What the log takes now does not count: removing makes it longer, and where
	// somebody keeps it from being emptied all would go.
	room := r.keepBytes - r.wal
	if r.keepBytes > 0 && used > room {
		n, more, err := db.removeOldest(ctx)
		return removed + n, more, err
	}
	free := file - used
	if free > 0 && (free > file/4 || r.keepBytes > 0 && file > room) {
		if _, err := db.writer.ExecContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages)); err != nil {
			return removed, false, fmt.Errorf("giving space back to the disk: %w", err)
		}
		return removed, true, nil
	}
	return removed, false, nil
}

// removeBefore removes up to retainRows of each of what is older than limit.
func (db *database) removeBefore(ctx context.Context, limit time.Time) (events int64, more bool, err error) {
	var old bool
	err = db.writer.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM events WHERE seq < ?)
		OR EXISTS (SELECT 1 FROM detections WHERE last < ?) OR EXISTS (SELECT 1 FROM matches WHERE at < ?)
		OR EXISTS (SELECT 1 FROM blocks WHERE until < ?)`,
		seqOf(limit), micros(limit), micros(limit), micros(limit)).Scan(&old)
	if err != nil || !old {
		return 0, false, err
	}
	err = transact(ctx, db.writer, func() error {
		var matches, detections, blocks int64
		if events, err = db.removeEvents(ctx, seqOf(limit)); err != nil {
			return err
		}
		if matches, detections, err = db.removeDetections(ctx, micros(limit)); err != nil {
			return err
		}
		blocks, err = db.removeBlocks(ctx, micros(limit))
		more = max(events, matches, detections, blocks) == retainRows
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("removing what is too old: %w", err)
	}
	return events, more, nil
}

// removeOldest makes room by removing what is oldest, whatever it is; blocks
// that have not run out are kept.
func (db *database) removeOldest(ctx context.Context) (events int64, more bool, err error) {
	// What is of the same age goes together, in steps.
	var event, detection, match sql.NullInt64
	err = db.writer.QueryRowContext(ctx, `SELECT
		(SELECT max(seq) FROM (SELECT seq FROM events ORDER BY seq LIMIT ?)),
		(SELECT max(last) FROM (SELECT last FROM detections ORDER BY last LIMIT ?)),
		(SELECT max(at) FROM (SELECT at FROM matches ORDER BY at LIMIT ?))`, retainRows, retainRows, retainRows).Scan(&event, &detection, &match)
	if err != nil {
		return 0, false, fmt.Errorf("looking for what is oldest: %w", err)
	}
	limit := int64(math.MaxInt64)
	for _, oldest := range []sql.NullInt64{{Int64: event.Int64 / perMicro, Valid: event.Valid}, detection, match} {
		if oldest.Valid {
			limit = min(limit, oldest.Int64)
		}
	}
	if limit == math.MaxInt64 {
		return 0, false, nil
	}
	limit++
	err = transact(ctx, db.writer, func() error {
		if events, err = db.removeEvents(ctx, limit*perMicro); err != nil {
			return err
		}
		if _, _, err = db.removeDetections(ctx, limit); err != nil {
			return err
		}
		_, err = db.removeBlocks(ctx, limit)
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("removing the oldest: %w", err)
	}
	return events, true, nil
}

func (db *database) removeEvents(ctx context.Context, before int64) (int64, error) {
	// The bodies are a table of their own, with the same seq.
	var end sql.NullInt64
	if err := db.writer.QueryRowContext(ctx, "SELECT max(seq) FROM (SELECT seq FROM events WHERE seq < ? ORDER BY seq LIMIT ?)",
		before, retainRows).Scan(&end); err != nil || !end.Valid {
		return 0, err
	}
	if _, err := db.writer.ExecContext(ctx, "DELETE FROM event_bodies WHERE seq <= ?", end.Int64); err != nil {
		return 0, err
	}
	return db.remove(ctx, "DELETE FROM events WHERE seq <= ?", end.Int64)
}

// removeDetections removes what was detected before a time: single matches, and
// episodes once no match of theirs is left, for the next episode may get their seq.
func (db *database) removeDetections(ctx context.Context, before int64) (matches, episodes int64, err error) {
	matches, err = db.remove(ctx, `DELETE FROM matches WHERE (at, episode, nth) IN
		(SELECT at, episode, nth FROM matches WHERE at < ? ORDER BY at LIMIT ?)`, before, retainRows)
	if err != nil || matches == retainRows {
		return matches, 0, err
	}
	const which = "(SELECT seq FROM detections WHERE last < ? ORDER BY last LIMIT ?)"
	if _, err := db.writer.ExecContext(ctx, "DELETE FROM detection_bodies WHERE seq IN "+which, before, retainRows); err != nil {
		return matches, 0, err
	}
	episodes, err = db.remove(ctx, "DELETE FROM detections WHERE seq IN "+which, before, retainRows)
	return matches, episodes, err
}

func (db *database) removeBlocks(ctx context.Context, before int64) (int64, error) {
	return db.remove(ctx, "DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE until < ? ORDER BY until LIMIT ?)", before, retainRows)
}

func (db *database) remove(ctx context.Context, stmt string, args ...any) (int64, error) {
	res, err := db.writer.ExecContext(ctx, stmt, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
