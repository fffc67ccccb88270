package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
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
	err := s.read(ctx, "blocks", func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx,
			"SELECT id, until, body FROM blocks WHERE until > ? AND ended IS NULL AND NOT dry_run ORDER BY since DESC, id DESC", micros(now))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			var until int64
			var body []byte
			if err := rows.Scan(&id, &until, &body); err != nil {
				return err
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
		return rows.Err()
	})
	return blocks, errors.Join(append(unreadable, err)...)
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
