package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// followPoll is how often a followed file is looked at when nothing comes.
// Looking costs a few system calls and works on every file system; the kernel's
// notices do not come from those on a network.
const followPoll = 200 * time.Millisecond

// followSource reads a file that somebody appends to, from its beginning, and
// then each that takes its place. A file waits: nothing is thrown away where
// detection is slow.
type followSource struct {
	*status
	opt  Options
	path string
	poll time.Duration
}

func parseFollow(rest, url string, opt Options) (Source, error) {
	switch rest {
	case "":
		return nil, errors.New("the path is missing")
	case "-":
		return nil, errors.New("standard input is not a file that grows; the source - reads it")
	}
	return &followSource{status: newStatus(url), opt: opt, path: rest, poll: followPoll}, nil
}

// Run follows the file until ctx ends. It fails where the first file is none
// that can be followed; later ones are only told.
func (s *followSource) Run(ctx context.Context, out chan<- []Flow) error {
	return s.finish(ctx, s.run(ctx, out))
}

func (s *followSource) run(ctx context.Context, out chan<- []Flow) error {
	o := &outlet{out: out, stop: ctx, status: s.status, log: s.opt.Log}
	opt := s.opt.text()
	if !opt.Joining.Off {
		opt.joined = newJoinSet(opt.Joining) // a connection may last over a rotation
	}
	err := s.files(ctx, opt, o)
	if opt.joined != nil && !errors.Is(err, errNotTaken) {
		err = errors.Join(err, o.run(opt.joined.rest()))
	}
	return err
}

// files follows one file after the other.
func (s *followSource) files(ctx context.Context, opt TextOptions, o *outlet) error {
	header := ""
	for first := true; ; first = false {
		f, err := s.await(ctx, first)
		if f == nil {
			return err
		}
		s.mu.Lock()
		s.progress = f.progress
		s.mu.Unlock()
		err = s.follow(ctx, f, header, opt, o)
		if err != nil && (errors.Is(err, errNotTaken) || first && errors.Is(err, errNotGrowing)) {
			f.file.Close()
			return fmt.Errorf("following %s: %w", s.path, err)
		}
		if err != nil && ctx.Err() == nil {
			s.failed(err)
			s.opt.Log.Warn("a followed file cannot be read on; what takes its place is waited for",
				"source", s.String(), "error", err)
			s.pass(ctx, f)
		}
		f.file.Close()
		if ctx.Err() != nil {
			return nil
		}
		header = f.nextHeader(header)
		s.opt.Log.Debug("a followed file is over", "source", s.String(), "why", f.why)
	}
}

// await opens the file as soon as there is one. It gives nil when ctx ends
// before, or with the error where the first one cannot be opened.
func (s *followSource) await(ctx context.Context, first bool) (*follower, error) {
	told := false
	for {
		f, err := openFollower(ctx, s.path, s.poll)
		switch {
		case err == nil:
			if first || told {
				s.opt.Log.Info("source live", "source", s.String())
			}
			s.set(StateLive)
			return f, nil
		case first && !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("following the flows: %w", err)
		case !told:
			told = true
			s.failed(err)
			s.opt.Log.Warn("a source waits for its file", "source", s.String(), "error", err)
		}
		s.set(StateWaiting)
		if !pause(ctx, s.poll) {
			return nil, nil
		}
	}
}

// follow reads one file to its end.
func (s *followSource) follow(ctx context.Context, f *follower, header string, opt TextOptions, o *outlet) error {
	r, format, err := f.recognise(header)
	if err != nil {
		return err
	}
	dec := NewDecoder(format, r, opt)
	for {
		err := o.run(dec)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return err // or nil, at the end
		}
		s.looked(f)
		pause(ctx, s.poll)
		dec.Tick(time.Now())
	}
}

// looked sets the state when nothing has come.
func (s *followSource) looked(f *follower) {
	if f.gone {
		s.set(StateWaiting)
	} else {
		s.set(StateLive)
	}
}

// pass reads a file to its end for nothing.
func (s *followSource) pass(ctx context.Context, f *follower) {
	s.set(StateRetrying)
	b := make([]byte, readSize)
	for ctx.Err() == nil {
		switch _, err := f.Read(b); {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			pause(ctx, s.poll)
		}
	}
}

// pause waits, and tells whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
