package control

import (
	"errors"
	"net/http"
)

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

// What a Client's error may be besides those of a Backend, by errors.Is.
var (
	// ErrNotRunning: nobody answers at the socket.
	ErrNotRunning = errors.New("the agent does not answer")
	// ErrForbidden: this user may not do that.
	ErrForbidden = errors.New("not permitted")
	// ErrBusy: a limit of the server is reached; later it may work.
	ErrBusy = errors.New("too many requests at once")
	// ErrVersion: the agent is of a version with another API.
	ErrVersion = errors.New("the agent has another version of the control API")
)

// failure is the JSON of an error.
type failure struct {
	// Text is for people, Code for programs.
	Text string `json:"error"`
	Code string `json:"code"`
	// Mistakes are those of the text of a configuration, where that is what is wrong.
	Mistakes []Mistake `json:"mistakes,omitempty"`
}

// Codes that stand for no error of a Backend.
const (
	codeInternal = "internal"
	codeMethod   = "method"
	codeNoCall   = "no_call"
)

// codes pairs errors with what they are on the wire. The first that fits counts.
var codes = []struct {
	err    error
	code   string
	status int
}{
	{ErrVersion, "version", http.StatusNotFound},
	{ErrForbidden, "forbidden", http.StatusForbidden},
	{ErrNotFound, "not_found", http.StatusNotFound},
	{ErrRefused, "refused", http.StatusConflict},
	{ErrInvalid, "invalid", http.StatusBadRequest},
	{ErrUnavailable, "unavailable", http.StatusServiceUnavailable},
	{ErrBusy, "busy", http.StatusTooManyRequests},
}

// codeOf gives what an error is on the wire.
func codeOf(err error) (code string, status int) {
	for _, c := range codes {
		if errors.Is(err, c.err) {
			return c.code, c.status
		}
	}
	return codeInternal, http.StatusInternalServerError
}

// kindError is an error of a kind whose text says it already.
type kindError struct {
	kind error
	text string
}

func (e *kindError) Error() string { return e.text }
func (e *kindError) Unwrap() error { return e.kind }

// errorOf gives the error that a failure stands for.
func errorOf(f failure) error {
	if len(f.Mistakes) > 0 {
		return &ConfigError{f.Mistakes}
	}
	for _, c := range codes {
		if c.code == f.Code {
			return &kindError{c.err, f.Text}
		}
	}
	return errors.New(f.Text)
}
