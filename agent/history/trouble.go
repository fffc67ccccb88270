package history

import (
	"errors"
	"io/fs"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// code gives SQLite's primary result code; 0 where err is of something else.
func code(err error) int {
	var e *sqlite.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

// isCorrupt tells that the file is no sound database.
func isCorrupt(err error) bool {
	c := code(err)
	return c == sqlite3.SQLITE_CORRUPT || c == sqlite3.SQLITE_NOTADB
}

// isOne tells that one row is at fault, not the file.
func isOne(err error) bool {
	switch code(err) {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return true
	}
	return false
}

// passes tells that what keeps the file from being opened may pass by itself: a
// full disk and the like, not a mistake in the configuration.
func passes(err error) bool {
	for _, known := range []error{ErrInUse, ErrNewer, ErrForeign} {
		if errors.Is(err, known) {
			return false
		}
	}
	for _, passing := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EIO, syscall.ENFILE, syscall.EMFILE} {
		if errors.Is(err, passing) {
			return true
		}
	}
	switch code(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM:
		return true
	}
	return false
}

// advice says what the admin can do about err.
func advice(err error) string {
	switch {
	case code(err) == sqlite3.SQLITE_FULL || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return "the disk is full: make room, or lower [history] max_mib"
	case code(err) == sqlite3.SQLITE_READONLY || errors.Is(err, syscall.EROFS):
		return "the disk can only be read: mount it for writing"
	case errors.Is(err, fs.ErrPermission):
		return "the state folder must belong to the user that the agent runs as"
	case code(err) == sqlite3.SQLITE_BUSY:
		return "another program is writing to the history: end its transaction"
	}
	return "see whether the disk is sound (dmesg)"
}
