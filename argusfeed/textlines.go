package argusfeed

import (
	"bytes"
	"errors"
	"io"
	"os"
)

const (
	// maxLine is the longest line that is read; ra prints some 120 bytes, with
	// every field it has some thousands.
	maxLine = 64 << 10
	// lineBuffer is read at once, where so much is there.
	lineBuffer = 256 << 10
)

// lineReader cuts a stream into lines without copying them. It reads only when
// no complete line is left, so that a line is given out as soon as its end has
// arrived.
type lineReader struct {
	r       io.Reader
	buf     []byte
	start   int // of what was not given out
	end     int // of what was read
	newline int // the last end of line in buf, or -1
	number  uint64
	long    bool // in the middle of a line that is too long
	err     error
}

func (l *lineReader) init(r io.Reader) {
	l.r, l.buf, l.newline = r, make([]byte, lineBuffer), -1
}

// buffered tells whether next will answer without reading.
func (l *lineReader) buffered() bool { return l.start <= l.newline || l.err != nil }

// next gives the next line without its end; long says that it was too long and
// is not given. The last line needs no end. The line is valid until the next
// call. After os.ErrDeadlineExceeded, which says that there is no more for now,
// it may be called again and goes on where it was; any other error but io.EOF
// swallows the line that it tore.
func (l *lineReader) next() (line []byte, long bool, err error) {
	for l.start > l.newline {
		if l.err != nil {
			return l.rest()
		}
		if l.end-l.start > maxLine {
			l.long, l.end = true, l.start // forget what there is of it
		}
		l.fill()
	}
	i := bytes.IndexByte(l.buf[l.start:l.end], '\n')
	line = l.buf[l.start : l.start+i]
	l.start += i + 1
	return l.line(line)
}

func (l *lineReader) line(b []byte) ([]byte, bool, error) {
	l.number++
	if l.long || len(b) > maxLine {
		l.long = false
		return nil, true, nil
	}
	return b, false, nil
}

// rest gives what stands behind the last end of line, or the error.
func (l *lineReader) rest() ([]byte, bool, error) {
	if errors.Is(l.err, io.EOF) && (l.start < l.end || l.long) {
		b := l.buf[l.start:l.end]
		l.start, l.newline = l.end, l.end-1
		return l.line(b)
	}
	err := l.err
	if errors.Is(err, os.ErrDeadlineExceeded) {
		l.err = nil
	}
	return nil, false, err
}

// fill reads once.
func (l *lineReader) fill() {
	if l.start > 0 {
		l.end = copy(l.buf, l.buf[l.start:l.end])
		l.start, l.newline = 0, -1
	}
	for range maxEmptyReads {
		n, err := l.r.Read(l.buf[l.end:])
		if i := bytes.LastIndexByte(l.buf[l.end:l.end+n], '\n'); i >= 0 {
			l.newline = l.end + i
		}
		l.end += n
		l.err = err
		if n > 0 || err != nil {
			return
		}
	}
	l.err = io.ErrNoProgress
}
