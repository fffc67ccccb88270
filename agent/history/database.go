package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The file and its folder are for the agent's user and group alone: they tell
// who talked to whom.
const (
	folderMode = 0o750
	fileMode   = 0o640
)

const (
	// readers is how many may read at a time; others wait.
	readers = 4
	// busyFor is how long to wait for another program's transaction.
	busyFor = 2 * time.Second
	// maxCorrupt is how many corrupt files are kept.
	maxCorrupt = 3
)

// database is the open file. Its writer is for one goroutine.
type database struct {
	path   string
	info   fs.FileInfo // to see that the file is still the one at path
	lock   *os.File
	wdb    *sql.DB
	writer *sql.Conn
	reader *sql.DB
	insert statements
	// labels are those that the table has.
	labels map[string]bool
}

// openDatabase opens or makes the file. moved is where a corrupt one went.
func openDatabase(ctx context.Context, path string, steps []string, now time.Time) (db *database, moved string, err error) {
	if err := os.MkdirAll(filepath.Dir(path), folderMode); err != nil {
		return nil, "", err
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, "", err
	}
	db, err = openLocked(ctx, path, lock, steps)
	if isCorrupt(err) {
		var merr error
		if moved, merr = moveAside(path, now); merr != nil {
			lock.Close()
			return nil, "", errors.Join(err, merr)
		}
		db, err = openLocked(ctx, path, lock, steps)
	}
	if err != nil {
		lock.Close()
		return nil, moved, err
	}
	return db, moved, nil
}

// openLocked opens or makes the file; the lock is the caller's until it succeeds.
func openLocked(ctx context.Context, path string, lock *os.File, steps []string) (_ *database, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	f.Close()
	if err != nil {
		return nil, err
	}
	if info.Size() > 0 {
		if err := checkFile(ctx, path, len(steps)); err != nil {
			return nil, err
		}
	}
	db := &database{path: path, info: info, lock: lock, labels: make(map[string]bool)}
	defer func() {
		if err != nil {
			_ = db.closeHandles() // err says what matters
		}
	}()
	pragmas := []string{fmt.Sprintf("busy_timeout(%d)", busyFor.Milliseconds())}
	if info.Size() == 0 {
		pragmas = append(pragmas, "auto_vacuum(incremental)") // must come before the first table
	}
	pragmas = append(pragmas, "journal_mode(wal)", "synchronous(normal)", "temp_store(memory)", "cache_size(-4096)")
	if db.wdb, err = sql.Open("sqlite", dsn(path, "rw", pragmas...)); err != nil {
		return nil, err
	}
	db.wdb.SetMaxOpenConns(1)
	if db.writer, err = db.wdb.Conn(ctx); err != nil {
		return nil, err
	}
	if err = migrate(ctx, db.writer, steps); err != nil {
		return nil, err
	}
	if err = db.prepare(ctx); err != nil {
		return nil, err
	}
	if db.reader, err = sql.Open("sqlite", dsn(path, "rw",
		fmt.Sprintf("busy_timeout(%d)", busyFor.Milliseconds()), "query_only(1)", "cache_size(-2048)",
		"temp_store(memory)")); err != nil {
		return nil, err
	}
	db.reader.SetMaxOpenConns(readers)
	db.reader.SetMaxIdleConns(readers)
	return db, nil
}

// checkFile looks at a file without changing it.
func checkFile(ctx context.Context, path string, known int) error {
	db, err := sql.Open("sqlite", dsn(path, "ro", fmt.Sprintf("busy_timeout(%d)", busyFor.Milliseconds())))
	if err != nil {
		return err
	}
	defer db.Close()
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return checkVersion(ctx, c, known)
}

// dsn is the URI that SQLite takes, whatever characters path has.
func dsn(path, mode string, pragmas ...string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	q := url.Values{"mode": {mode}, "_pragma": pragmas}
	return "file://" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// moveAside keeps a corrupt file, with its log, under another name, and removes
// the oldest of those kept where there are too many.
func moveAside(path string, now time.Time) (to string, err error) {
	to = path + ".corrupt-" + now.UTC().Format("20060102T150405.000Z")
	if err := os.Rename(path, to); err != nil {
		return "", fmt.Errorf("moving the corrupt file aside: %w", err)
	}
	if err := os.Rename(path+"-wal", to+"-wal"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("moving the log of the corrupt file aside: %w", err)
	}
	if err := os.Remove(path + "-shm"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("removing the index of the corrupt file's log: %w", err)
	}
	kept, _ := filepath.Glob(globEscaped(path) + ".corrupt-*Z")
	slices.Sort(kept)
	for len(kept) > maxCorrupt {
		_ = os.Remove(kept[0])
		_ = os.Remove(kept[0] + "-wal")
		kept = kept[1:]
	}
	return to, nil
}

func globEscaped(path string) string {
	var b []byte
	for _, c := range []byte(path) {
		if c == '*' || c == '?' || c == '[' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, c)
	}
	return string(b)
}

// moved tells that the file is not the one at its path any more.
func (db *database) moved() bool {
	info, err := os.Stat(db.path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(info, db.info)
}

// sizes gives how much of the file is used, how large it is, and how large its
// log is, in bytes.
func (db *database) sizes(ctx context.Context) (used, file, wal int64, err error) {
	var pages, free, page int64
	err = db.writer.QueryRowContext(ctx,
		"SELECT page_count, freelist_count, page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size").
		Scan(&pages, &free, &page)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("reading the size: %w", err)
	}
	return (pages - free) * page, pages * page, db.walSize(), nil
}

func (db *database) walSize() int64 {
	info, err := os.Stat(db.path + "-wal")
	if err != nil {
		return 0
	}
	return info.Size()
}

// checkpoint empties the log, unless somebody reads what is in it.
func (db *database) checkpoint(ctx context.Context) (ok bool, err error) {
	if _, err := db.writer.ExecContext(ctx, "PRAGMA busy_timeout = 0"); err != nil {
		return false, err
	}
	var busy, log, done int
	err = db.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done)
	_, terr := db.writer.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf("PRAGMA busy_timeout = %d", busyFor.Milliseconds()))
	return busy == 0, errors.Join(err, terr)
}

// sound reads the whole file and tells whether it is a sound database. It does so
// with a connection of its own: what the others remember may be better than what
// the disk has.
func (db *database) sound(ctx context.Context) (bool, error) {
	fresh, err := sql.Open("sqlite", dsn(db.path, "ro", fmt.Sprintf("busy_timeout(%d)", busyFor.Milliseconds())))
	if err != nil {
		return false, err
	}
	defer fresh.Close()
	var says string
	err = fresh.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&says)
	if isCorrupt(err) {
		return false, nil
	}
	return says == "ok", err
}

func (db *database) closeHandles() error {
	var errs []error
	if db.reader != nil {
		errs = append(errs, db.reader.Close())
	}
	if db.writer != nil {
		db.insert.close()
		errs = append(errs, db.writer.Close())
	}
	if db.wdb != nil {
		errs = append(errs, db.wdb.Close())
	}
	return errors.Join(errs...)
}

// close gives the file up.
func (db *database) close() error {
	return errors.Join(db.closeHandles(), db.lock.Close())
}
