package agent

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"slips-ips/agent/history"
)

// events tells what happened to everyone who wants to know: the history, the
// reports, and whoever follows at the control socket. It never waits for any of
// them and is safe for concurrent use.
type events struct {
	mode string
	// to take each event and do not block.
	to []func(history.Event)

	mu        sync.Mutex
	followers map[*follower]struct{}
}

// follower is one reader of the events from now on.
type follower struct {
	out  chan history.Event
	lost int
}

// followed is how many events may wait for a reader.
const followed = 256

func newEvents(mode Mode) *events {
	return &events{mode: string(mode), followers: map[*follower]struct{}{}}
}

// tell completes e with an ID and a time, where it has none, and hands it out.
func (v *events) tell(e history.Event) {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	e.Time = e.Time.UTC()
	if e.ID == "" {
		e.ID = eventID()
	}
	e.Mode = v.mode
	for _, f := range v.to {
		f(e)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for f := range v.followers {
		f.give(e)
	}
}

func eventID() string {
	id, err := uuid.NewV7()
	if err != nil {
		id = uuid.Max // no randomness: the event matters more than its name
	}
	return id.String()
}

// give hands e on where there is room, after word of what there was no room for.
func (f *follower) give(e history.Event) {
	if f.lost > 0 && len(f.out) <= cap(f.out)-2 {
		// Without an ID, as control.Backend says: it happened to the reader alone.
		f.out <- history.Event{
			Time: e.Time, Text: fmt.Sprintf("%d events were left out here: they were read too slowly; the history has them", f.lost),
		}
		f.lost = 0
	}
	if f.lost > 0 || len(f.out) == cap(f.out) {
		f.lost++
		return
	}
	f.out <- e
}

// follow gives the events from now on, until ctx ends.
func (v *events) follow(ctx context.Context) <-chan history.Event {
	f := &follower{out: make(chan history.Event, followed)}
	v.mu.Lock()
	v.followers[f] = struct{}{}
	v.mu.Unlock()
	context.AfterFunc(ctx, func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		delete(v.followers, f)
		close(f.out)
	})
	return f.out
}
