package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"slips-ips/argusfeed"
)

// Blocks gives the blocks that by the history are in force: begun, not ended, not
// replaced and not run out, the newest first. Those of a dry-run, which drop
// nothing, are not among them. The history may know less than the kernel: what
// happened while it could not be written, or in the last moment before a kill -9
// or a loss of power, may be missing, the end of a block too (Status.Lost). A block that cannot be read
// is an error, beside which the others are given.
func (s *Store) Blocks(ctx context.Context) ([]Block, error) {
	var blocks []Block
	var unreadable []error
	now := s.opt.Now()
	err := s.read(ctx, "blocks", func(ctx context.Context, tx *sql.Tx) (err error) {
		blocks, unreadable, err = inForce(ctx, tx, now)
		return err
	})
	return blocks, errors.Join(append(unreadable, err)...)
}

// ReadBlocks gives what Blocks does of a file that belongs to nobody now, or to
// another process; it changes nothing of it. Where there is no file there are no
// blocks.
func ReadBlocks(ctx context.Context, path string, now time.Time) ([]Block, error) {
	if info, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil, nil
	}
	if err := checkFile(ctx, path, len(migrations)); err != nil {
		return nil, fmt.Errorf("reading the blocks of the history %s: %w", path, err)
	}
	db, err := sql.Open("sqlite", dsn(path, "ro", fmt.Sprintf("busy_timeout(%d)", busyFor.Milliseconds())))
	if err != nil {
		return nil, fmt.Errorf("reading the blocks of the history %s: %w", path, err)
	}
	defer db.Close()
	blocks, unreadable, err := inForce(ctx, db, now)
	if err != nil {
		err = fmt.Errorf("reading the blocks of the history %s: %w", path, err)
	}
	return blocks, errors.Join(append(unreadable, err)...)
}

// inForce reads the blocks that are in force; those that cannot be read are
// errors of their own.
func inForce(ctx context.Context, db interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}, now time.Time) (blocks []Block, unreadable []error, err error) {
	rows, err := db.QueryContext(ctx,
		"SELECT id, until, body FROM blocks WHERE until > ? AND ended IS NULL AND NOT dry_run ORDER BY since DESC, id DESC", micros(now))
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		var until int64
		var body []byte
		if err := rows.Scan(&id, &until, &body); err != nil {
			return nil, nil, err
		}
		var b Block
		if err := json.Unmarshal(body, &b); err != nil {
			unreadable = append(unreadable, fmt.Errorf("the block %s in the history cannot be read: %w", id, err))
			continue
		}
		if b.Until.IsZero() {
			b.Until = time.UnixMicro(until).UTC()
		}
		blocks = append(blocks, b)
	}
	return blocks, unreadable, rows.Err()
}

// TimesBlocked counts the blocks of a tuple that began at since or later.
func (s *Store) TimesBlocked(ctx context.Context, tuple argusfeed.Tuple, since time.Time) (BlockCount, error) {
	var n BlockCount
	err := s.read(ctx, "blocks", func(ctx context.Context, tx *sql.Tx) error {
		return tx.QueryRowContext(ctx,
			"SELECT count(*) FILTER (WHERE NOT dry_run), count(*) FILTER (WHERE dry_run) FROM blocks WHERE tuple = ? AND since >= ? AND NOT renewal",
			tuple.String(), micros(since)).Scan(&n.Enforced, &n.DryRun)
	})
	return n, err
}
