package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
)

// PastBlocks gives the blocks that there ever were and are, as far as they are
// kept: at most the newest so many, the oldest first. Those of a dry-run, which
// dropped nothing, are among them only where dryRun says so. End is why a block
// ended before its time, empty where it did not. Those that cannot be read are left
// out and counted.
func (s *Store) PastBlocks(ctx context.Context, most int, dryRun bool) (blocks []Block, unreadable int, err error) {
	err = s.read(ctx, "past blocks", func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx,
			`SELECT body, coalesce("end", '') FROM blocks WHERE NOT dry_run OR ? ORDER BY since DESC, id DESC LIMIT ?`, dryRun, most)
		if err != nil {
			return err
		}
		defer rows.Close()
		var body sql.RawBytes
		var end string
		for rows.Next() {
			if err := rows.Scan(&body, &end); err != nil {
				return err
			}
			var b Block
			if json.Unmarshal(body, &b) != nil {
				unreadable++
				continue
			}
			b.End = End(end)
			blocks = append(blocks, b)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, 0, fmt.Errorf("looking for what was blocked before: %w", err)
	}
	slices.Reverse(blocks)
	return blocks, unreadable, nil
}
