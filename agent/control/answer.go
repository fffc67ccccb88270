package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// sentError says that an answer broke off after it had begun.
type sentError struct{ err error }

func (e *sentError) Error() string { return e.err.Error() }
func (e *sentError) Unwrap() error { return e.err }

// toJSON gives v in one line, with its end.
func toJSON(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return buf.Bytes(), nil
}

// begin gives the client its time for the answer, and sends the header.
func (s *Server) begin(w http.ResponseWriter, status int) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.opt.WriteTime))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
}

// writeJSON answers with v.
func (s *Server) writeJSON(w http.ResponseWriter, status int, v any) error {
	text, err := toJSON(v)
	if err != nil {
		return err
	}
	s.begin(w, status)
	if _, err := w.Write(text); err != nil {
		return &sentError{err}
	}
	return nil
}

// listBuffer is what is written at once of a long list.
const listBuffer = 64 << 10

// A hundred thousand rows take a core for some tenths of a second, which the pipeline
// may need: after some restEvery rows there is a rest as long as they took.
const (
	restEvery   = 200
	longestRest = 2 * time.Millisecond
)

// writeList answers with head, an object, and in it list under name.
func writeList[T any](s *Server, w http.ResponseWriter, head any, name string, list []T) error {
	return writeRows(s, w, head, name, func() ([]T, error) {
		part := list
		if list = nil; len(part) == 0 {
			return nil, io.EOF
		}
		return part, nil
	})
}

// writeRows answers with head, an object, and in it under name the rows that next gives
// until io.EOF, portion by portion. They are encoded one by one: a hundred thousand would
// be tens of megabytes, for as long as a slow client takes.
func writeRows[T any](s *Server, w http.ResponseWriter, head any, name string, next func() ([]T, error)) error {
	text, err := toJSON(head)
	if err != nil {
		return err
	}
	text = bytes.TrimSpace(text)
	s.begin(w, http.StatusOK)
	out := bufio.NewWriterSize(w, listBuffer)
	_, _ = out.Write(text[:len(text)-1]) // without its closing bracket
	if len(text) > len("{}") {
		_ = out.WriteByte(',')
	}
	_, _ = fmt.Fprintf(out, "%q:[", name)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	n, rested, worked := 0, 0, time.Duration(0)
	for {
		rows, err := next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return &sentError{err}
		}
		for part := range slices.Chunk(rows, restEvery) {
			began := time.Now()
			for i := range part {
				if n++; n > 1 {
					_ = out.WriteByte(',')
				}
				if err := enc.Encode(presentable(part[i])); err != nil {
					return &sentError{err}
				}
			}
			if worked += time.Since(began); n >= rested+restEvery {
				time.Sleep(min(worked, longestRest))
				rested, worked = n, 0
			}
		}
	}
	_, _ = out.WriteString("]}\n")
	if err := out.Flush(); err != nil { // the first error of all
		return &sentError{err}
	}
	return nil
}

// unread is a body that was too large to be read.
type unread struct{ err error }

func (u unread) Read([]byte) (int, error) { return 0, u.err }

// takeBody reads the whole body before anything is done for the client, while
// its time for the request runs; after it only the answer has a deadline. A body
// that is left alone would be waited for when the answer is out.
func (s *Server) takeBody(w http.ResponseWriter, r *http.Request, c *call) error {
	if r.ContentLength == 0 {
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
		return nil
	}
	w.Header().Set("Connection", "close") // unless all goes well
	if r.Method != http.MethodPost {
		return fmt.Errorf("%w: %s takes no body", ErrInvalid, r.Method)
	}
	most := s.opt.MaxBody
	if c.forPeople {
		most = s.opt.MaxForm
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, int64(most)))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large) && c.forPeople:
		r.Body = io.NopCloser(unread{err})
		return nil
	case errors.As(err, &large):
		return &statusError{fmt.Sprintf("the body is larger than %d bytes", large.Limit), "too_large", http.StatusRequestEntityTooLarge}
	case err != nil:
		return fmt.Errorf("%w: the body did not come within %s: %w", ErrInvalid, s.opt.ReadTime, err)
	}
	w.Header().Del("Connection")
	r.Body = io.NopCloser(bytes.NewReader(body))
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	return nil
}

// readBody decodes the one JSON object of a request, or leaves v where there is
// no body at all.
func readBody(r *http.Request, v any) error {
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	switch err := dec.Decode(v); {
	case errors.Is(err, io.EOF): // nothing there
		return nil
	case err != nil:
		return fmt.Errorf("%w: the body is no JSON of this call: %w", ErrInvalid, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: there is something after the JSON of the body", ErrInvalid)
	}
	return nil
}
