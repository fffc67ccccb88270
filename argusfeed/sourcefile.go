package argusfeed

import (
	"context"
	"errors"
	"time"
)

// fileSource reads stored flows, or standard input, to the end.
type fileSource struct {
	*status
	opt  Options
	open func() (*File, Format, error)
}

func newFileSource(url, path string, opt Options) *fileSource {
	return &fileSource{
		status: newStatus(url), opt: opt,
		open: func() (*File, Format, error) { return Open(path) },
	}
}

// Run delivers the flows of the file.
func (s *fileSource) Run(ctx context.Context, out chan<- []Flow) error {
	return s.finish(ctx, s.run(ctx, out))
}

func (s *fileSource) run(ctx context.Context, out chan<- []Flow) error {
	f, format, err := s.opened(ctx)
	if err != nil || f == nil {
		return err
	}
	defer f.Close()
	s.mu.Lock()
	s.progress = f.Progress
	s.mu.Unlock()
	r := newStopReader(ctx, f, f.interrupt)
	defer r.Close()
	o := outlet{out: out, stop: ctx, status: s.status, log: s.opt.Log}
	if err := o.run(NewDecoder(format, r, s.opt.text())); !errors.Is(err, errStopped) {
		return err
	}
	return nil
}

// opened waits for the file, which for a pipe is until its first bytes have
// come; it gives nil when ctx ends before.
func (s *fileSource) opened(ctx context.Context) (*File, Format, error) {
	type opened struct {
		file   *File
		format Format
		err    error
	}
	ch := make(chan opened)
	go func() { // left behind with a pipe that nobody writes to, as in stopReader
		f, format, err := s.open()
		select {
		case ch <- opened{f, format, err}:
		case <-ctx.Done():
			if err == nil {
				f.Close()
			}
		}
	}()
	select {
	case o := <-ch:
		return o.file, o.format, o.err
	case <-ctx.Done():
		return nil, 0, nil
	}
}

// interrupt ends a blocked Read where the system can do that: on a pipe or a
// terminal that was opened by its path.
func (f *File) interrupt() bool { return f.file.SetReadDeadline(time.Unix(1, 0)) == nil }
