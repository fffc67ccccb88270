package argusfeed

import (
	"context"
	"errors"
	"io"
	"sync"
)

// errStopped ends the reading of a source that was told to stop.
var errStopped = errors.New("stopped")

// readSize is how much is read at once.
const readSize = 128 << 10

// stopReader reads from a reader that may block for ever, such as standard
// input, but returns errStopped as soon as ctx has ended and all that had been
// read by then is given out.
//
// The reading is done by a goroutine. Where a blocked Read cannot be ended (the
// terminal, a pipe on standard input), this one goroutine with its buffers is
// left behind until Read returns, which for standard input is the end of the
// process. Its result is thrown away.
type stopReader struct {
	ctx       context.Context
	interrupt func() bool // makes a blocked Read return, or says that it cannot

	chunks chan chunk
	free   chan []byte
	quit   chan struct{}

	mu      sync.Mutex
	reading bool // the goroutine may be blocked in Read
	stopped bool // and must not begin another

	whole []byte // the buffer that rest is in
	rest  []byte
	err   error
}

type chunk struct {
	data []byte
	err  error
}

func newStopReader(ctx context.Context, r io.Reader, interrupt func() bool) *stopReader {
	s := &stopReader{
		ctx: ctx, interrupt: interrupt,
		chunks: make(chan chunk), free: make(chan []byte, 2), quit: make(chan struct{}),
	}
	s.free <- make([]byte, readSize)
	s.free <- make([]byte, readSize)
	go s.pump(r)
	return s
}

// Close ends the goroutine as soon as its Read returns. It never fails.
func (s *stopReader) Close() error {
	close(s.quit)
	return nil
}

func (s *stopReader) pump(r io.Reader) {
	defer close(s.chunks)
	for s.ctx.Err() == nil {
		var b []byte
		select {
		case b = <-s.free:
		case <-s.ctx.Done():
			return
		case <-s.quit:
			return
		}
		if !s.begin() {
			return
		}
		n, err := r.Read(b)
		s.end()
		select {
		case s.chunks <- chunk{b[:n], err}:
		case <-s.quit:
			return
		}
		if err != nil {
			return
		}
	}
}

func (s *stopReader) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = !s.stopped
	return s.reading
}

func (s *stopReader) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = false
}

func (s *stopReader) Read(p []byte) (int, error) {
	for len(s.rest) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.next()
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// next waits for a chunk, or for the reason why there is none.
func (s *stopReader) next() {
	if s.whole != nil {
		s.free <- s.whole[:cap(s.whole)]
		s.whole = nil
	}
	select {
	case <-s.ctx.Done():
		s.last()
		return
	default:
	}
	select {
	case c := <-s.chunks:
		s.take(c)
	case <-s.ctx.Done():
		s.last()
	}
}

func (s *stopReader) take(c chunk) {
	s.whole, s.rest, s.err = c.data, c.data, c.err
}

// last takes what had been read when ctx ended.
func (s *stopReader) last() {
	s.mu.Lock()
	s.stopped = true
	blocked := s.reading
	s.mu.Unlock()
	if !blocked || s.interrupt != nil && s.interrupt() {
		if c, ok := <-s.chunks; ok {
			s.take(c)
		}
	}
	if !errors.Is(s.err, io.EOF) {
		s.err = errStopped
	}
}

// Interruptible gives a reader on r that ends with an error when ctx does, even
// where r blocks for ever. Close ends its goroutine as soon as r returns.
func Interruptible(ctx context.Context, r io.Reader) io.ReadCloser {
	return newStopReader(ctx, r, func() bool { return false })
}
