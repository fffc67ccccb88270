package agent

import (
	"context"
	"errors"
	"fmt"
)

// calls lets other goroutines ask the goroutine that owns a stage to do
// something for them between two batches. What they ask for must be short: the
// pipeline waits meanwhile.
type calls struct {
	stage string
	ask   chan func()
	over  chan struct{} // closed when the stage has ended
}

func newCalls(stage string) calls {
	return calls{stage: stage, ask: make(chan func()), over: make(chan struct{})}
}

// errStopping is what those get who ask a stage that has ended.
var errStopping = errors.New("the agent is stopping")

// do has the stage run f and waits for its end. It fails where the stage does
// not come to it before ctx ends; then f does not run.
func (c calls) do(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case c.ask <- func() { defer close(done); f() }:
		<-done // it has begun: f is short, and writes what its caller reads
		return nil
	case <-c.over:
		return errStopping
	case <-ctx.Done():
		return fmt.Errorf("waiting for %s: %w", c.stage, context.Cause(ctx))
	}
}

// after gives where the next call comes from, nil: not now. Between two calls a
// batch is worked on where one waits, so that no number of clients makes it wait
// for more than one call; and a stage that always has batches still answers.
func (c calls) after(asked bool, waiting int) <-chan func() {
	if asked && waiting > 0 {
		return nil
	}
	return c.ask
}

// end says that the stage answers no more.
func (c calls) end() { close(c.over) }
