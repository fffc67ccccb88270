package history

import "errors"

// What an error of a Store may be, by errors.Is.
var (
	// ErrInUse: another process writes the file.
	ErrInUse = errors.New("another process has it")
	// ErrNewer: a newer version of the program made the file.
	ErrNewer = errors.New("made by a newer version")
	// ErrForeign: the file is a database of something else.
	ErrForeign = errors.New("not a history of slips-ips")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("closed")
	// ErrNotFound: there is no such event.
	ErrNotFound = errors.New("not in the history")
	// ErrUnavailable: the file cannot be opened, now.
	ErrUnavailable = errors.New("not available")
	// ErrQuery: the query itself is wrong.
	ErrQuery = errors.New("wrong query")
)
