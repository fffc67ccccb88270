package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
)

// operator answers the control socket for an agent.
type operator struct{ *Agent }

var _ control.Backend = operator{}

// stageTime is how long a stage is waited for. One that is slower is stuck.
const stageTime = 5 * time.Second

// ask has a stage run f.
func ask(ctx context.Context, c calls, f func()) error {
	ctx, cancel := context.WithTimeoutCause(ctx, stageTime, errors.New("it did not answer in time"))
	defer cancel()
	if err := c.do(ctx, f); err != nil {
		return fmt.Errorf("%w: %w", control.ErrUnavailable, err)
	}
	return nil
}

// errNotBlocking is what an agent says that detects nothing.
var errNotBlocking = fmt.Errorf("%w: the agent runs in detect-off mode, in which nothing is decided or blocked", control.ErrUnavailable)

// errNoHistory is what an agent says that keeps none.
var errNoHistory = fmt.Errorf("%w: no history is kept ([agent] state in slips.toml; the log says why, if it is set)", control.ErrUnavailable)

// Events gives what the history has.
func (o operator) Events(ctx context.Context, q history.Query) (history.Page, error) {
	if o.kept.history == nil {
		return history.Page{}, errNoHistory
	}
	page, err := o.kept.history.Events(ctx, q)
	switch {
	case errors.Is(err, history.ErrQuery):
		err = fmt.Errorf("%w: %w", control.ErrInvalid, err)
	case errors.Is(err, history.ErrNotFound):
		err = fmt.Errorf("%w: %w", control.ErrNotFound, err)
	case errors.Is(err, history.ErrUnavailable) || errors.Is(err, history.ErrClosed):
		err = fmt.Errorf("%w: %w", control.ErrUnavailable, err)
	}
	return page, err
}

// Follow gives what happens from now on.
func (o operator) Follow(ctx context.Context) (<-chan history.Event, error) {
	return o.events.follow(ctx), nil
}
