package agent

import (
	"context"
	"io"
	"log/slog"
	"sync/atomic"
	"time"
)

// slowOutput stands between the pipeline and whoever reads the tuples: a pager
// that waits for a key must stop neither detection nor the end of the agent.
//
// A live feed cannot be held back: where the reader does not keep up, output is
// left out and counted. Stored flows wait for it, as in any pipe, but once stop
// has ended for outputPatience at most.
type slowOutput struct {
	w      io.Writer
	chunks chan []byte
	done   chan struct{}
	live   bool
	stop   context.Context
	log    *slog.Logger

	failed  atomic.Pointer[error]
	skipped uint64 // bytes
	given   bool   // up
}

const (
	// outputChunks is how many pieces of output may wait, of some KB each.
	outputChunks = 1024
	// outputPatience is how long output is waited for when the agent is to end.
	outputPatience = 3 * time.Second
)

func newSlowOutput(w io.Writer, live bool, log *slog.Logger) *slowOutput {
	return &slowOutput{w: w, chunks: make(chan []byte, outputChunks), done: make(chan struct{}), live: live, log: log}
}

// start writes from a goroutine of its own until Close.
func (o *slowOutput) start(stop context.Context) {
	o.stop = stop
	go func() {
		defer close(o.done)
		for c := range o.chunks {
			if _, err := o.w.Write(c); err != nil && o.failed.Load() == nil {
				o.failed.Store(&err)
			}
		}
	}()
}

// Write takes p over. It fails where writing failed before.
func (o *slowOutput) Write(p []byte) (int, error) {
	if err := o.failed.Load(); err != nil {
		return 0, *err
	}
	c := append([]byte(nil), p...)
	select {
	case o.chunks <- c:
		return len(p), nil
	default:
	}
	if !o.live && !o.given {
		select {
		case o.chunks <- c:
			return len(p), nil
		case <-o.stop.Done():
		}
		late := time.NewTimer(outputPatience)
		defer late.Stop()
		select {
		case o.chunks <- c:
			return len(p), nil
		case <-late.C:
			o.given = true
		}
	}
	if o.skipped == 0 {
		o.log.Warn("tuples are not printed: nobody reads them; detection goes on")
	}
	o.skipped += uint64(len(p))
	return len(p), nil
}

// Close waits for what is under way, but not for ever. What was not written tells
// the log; the goroutine of a reader that never reads is left behind.
func (o *slowOutput) Close() error {
	close(o.chunks)
	late := time.NewTimer(outputPatience)
	defer late.Stop()
	select {
	case <-o.done:
	case <-late.C:
		o.log.Warn("the last tuples were not printed: nobody reads them")
	}
	if o.skipped > 0 {
		o.log.Warn("tuples were not printed", "bytes", o.skipped)
	}
	if err := o.failed.Load(); err != nil {
		return *err
	}
	return nil
}
