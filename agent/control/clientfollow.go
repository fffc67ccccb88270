package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"slips-ips/agent/history"
)

// silence is how long a follower waits for a sign of life: some heartbeats.
const silence = time.Minute

// maxLine is the longest line of a stream: an event is a few kilobytes.
const maxLine = 1 << 20

// Follow gives the events from now on that fit q, until ctx ends, which is no
// error, or the agent does. Limit and After of q have no meaning. An event
// without an ID tells in its Text what this reader was too slow for. ready, where
// it is not nil, is called when no later event can be missed.
func (c *Client) Follow(ctx context.Context, q history.Query, ready func()) iter.Seq2[history.Event, error] {
	return func(yield func(history.Event, error) bool) {
		ctx, stop := context.WithCancelCause(ctx)
		defer stop(nil)
		err := c.follow(ctx, stop, q, ready, func(e history.Event) bool { return yield(e, nil) })
		if err != nil {
			yield(history.Event{}, err)
		}
	}
}

var errSilent = errors.New("it has given no sign of life for a minute")

func (c *Client) follow(ctx context.Context, stop context.CancelCauseFunc, q history.Query, ready func(), yield func(history.Event) bool) error {
	q.Limit, q.After = 0, ""
	resp, err := c.send(ctx, http.MethodGet, "/events/follow", encodeEvents(q), nil)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer resp.Body.Close()
	alive := time.AfterFunc(silence, func() { stop(errSilent) })
	defer alive.Stop()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for lines.Scan() {
		alive.Stop() // what is done with an event may take its time
		line := lines.Bytes()
		if bytes.HasPrefix(line, []byte(heartbeatBegin)) {
			if ready != nil {
				ready()
				ready = nil
			}
			alive.Reset(silence)
			continue
		}
		var e history.Event
		var err error
		if bytes.HasPrefix(line, []byte(lostBegin)) {
			var l lost
			err = json.Unmarshal(line, &l)
			e.Text = l.Text
		} else {
			err = json.Unmarshal(line, &e)
		}
		if err != nil {
			return c.broken(ctx, err)
		}
		if !yield(e) {
			return nil
		}
		alive.Reset(silence)
	}
	switch err := lines.Err(); {
	case errors.Is(context.Cause(ctx), errSilent):
		return fmt.Errorf("following the agent at %s: %w", c.path, errSilent)
	case ctx.Err() != nil:
		return nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return c.broken(ctx, err)
	}
	return &kindError{ErrNotRunning, fmt.Sprintf("the agent at %s has ended", c.path)}
}
