package history

import (
	"context"
	"database/sql"
	"fmt"
)

// checkVersion tells whether the file is one that migrate may change. It only
// reads.
func checkVersion(ctx context.Context, c *sql.Conn, known int) error {
	var version, app, tables int
	for _, q := range []struct {
		sql string
		to  *int
	}{
		{"PRAGMA user_version", &version},
		{"PRAGMA application_id", &app},
		{"SELECT count(*) FROM sqlite_schema", &tables},
	} {
		if err := c.QueryRowContext(ctx, q.sql).Scan(q.to); err != nil {
			return fmt.Errorf("reading what made it: %w", err)
		}
	}
	switch {
	case app != applicationID && (app != 0 || version != 0 || tables != 0):
		return fmt.Errorf("%w; it was left alone: move it away, or use another state folder", ErrForeign)
	case version > known:
		return fmt.Errorf("%w: its schema is version %d, this program knows up to %d; it was left alone: install that version again, or move the file away", ErrNewer, version, known)
	}
	return nil
}

// migrate brings the file to the newest version, each step in a transaction of
// its own: what fails leaves the version before it.
func migrate(ctx context.Context, c *sql.Conn, steps []string) error {
	for {
		var version int
		if err := c.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return fmt.Errorf("reading the version of the schema: %w", err)
		}
		if version >= len(steps) {
			return nil
		}
		err := transact(ctx, c, func() error {
			if _, err := c.ExecContext(ctx, steps[version]); err != nil {
				return err
			}
			// Both are part of the transaction.
			_, err := c.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", version+1, applicationID))
			return err
		})
		if err != nil {
			return fmt.Errorf("bringing the schema from version %d to %d: %w", version, version+1, err)
		}
	}
}

// transact runs do in a transaction that may write.
func transact(ctx context.Context, c *sql.Conn, do func() error) error {
	if _, err := c.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err := do()
	if err == nil {
		_, err = c.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		// Where the disk is full SQLite may have rolled back already.
		_, _ = c.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}
