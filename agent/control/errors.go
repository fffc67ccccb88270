package control

import "errors"

// What a Backend's error may be, by errors.Is.
var (
	// ErrNotFound: there is no such tuple, block or entry.
	ErrNotFound = errors.New("not found")
	// ErrRefused: a guard is against it; the error says which and whether Force helps.
	ErrRefused = errors.New("refused")
	// ErrInvalid: the request itself is wrong.
	ErrInvalid = errors.New("invalid")
	// ErrUnavailable: the agent has no such thing now: no history, no detection.
	ErrUnavailable = errors.New("unavailable")
)
