package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// liveSource reads a running Argus for as long as the agent runs: what breaks is
// tried again for ever, since nothing that a network does is a reason to end an
// agent.
//
// Two goroutines: Run's own reads, and never waits for the receiver (an Argus
// drops the client that does not read); the other one delivers (see backlog).
type liveSource struct {
	*status
	opt Options
	// open connects, and starts Argus before where it is ours.
	open func(ctx context.Context) (*link, error)
	// joined holds what is not over when a connection ends; nil: nothing is joined.
	joined *joinSet
	away   absence
	lost   episode // packets that the capture lost
	shed   episode // flows thrown away here
	full   episode // flows given out early, as too many were held
}

// missingError is what nobody but an admin can mend: a program, a right, an
// interface. At the start it ends the source; later it is tried again, as an
// interface may come back.
type missingError struct{ error }

func (e missingError) Unwrap() error { return e.error }

// Run delivers flows until ctx ends.
func (s *liveSource) Run(ctx context.Context, out chan<- []Flow) error {
	q := newBacklog()
	delivered := make(chan error, 1)
	go func() { delivered <- q.deliver(ctx, out, s.status) }()
	if !s.opt.Joining.Off {
		s.joined = newJoinSet(s.opt.Joining)
	}
	err := s.keepUp(ctx, q)
	s.flush(q)
	q.close()
	if derr := <-delivered; err == nil {
		err = derr
	}
	s.overAll(time.Now())
	return s.finish(ctx, err)
}

// flush hands over what is held, which is over now, and gives the receiver time
// for it.
func (s *liveSource) flush(q *backlog) {
	if s.joined == nil {
		return
	}
	rest := s.joined.rest()
	until := time.Now().Add(deliverWait)
	for more := true; more; {
		batch := newBatch()
		for more && len(batch) < batchSize {
			batch = batch[:len(batch)+1]
			if more = rest.Next(&batch[len(batch)-1]) == nil; !more {
				batch = batch[:len(batch)-1]
			}
		}
		s.joinedSoFar(rest.Joined(), time.Now())
		if len(batch) > 0 && !q.pushWithin(batch, time.Until(until)) {
			s.shedFlows(overIn(batch), time.Now())
		}
	}
}

// keepUp reads, again and again, until ctx ends.
func (s *liveSource) keepUp(ctx context.Context, q *backlog) error {
	wait := backoff{}
	s.set(StateConnecting)
	for attempt := 0; ; attempt++ {
		began := time.Now()
		err := s.once(ctx, q)
		if ctx.Err() != nil {
			return nil
		}
		if _, ok := errors.AsType[missingError](err); ok && attempt == 0 && !s.opt.Patient {
			return fmt.Errorf("starting the source %s: %w", s, err)
		}
		pause := wait.next(time.Since(began))
		s.interrupted(err, pause)
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return nil
		}
		s.add(&s.s.Restarts, 1)
	}
}

// once reads one connection to its end, and never returns nil but when ctx has
// ended.
func (s *liveSource) once(ctx context.Context, q *backlog) error {
	l, err := s.open(ctx)
	if err != nil {
		return err
	}
	err = newSession(ctx, s, l, q).run()
	return l.close(err)
}

// interrupted tells that the source is away. The log has the beginning of it,
// and what changes; that it lasts, the state and the counters say.
func (s *liveSource) interrupted(err error, pause time.Duration) {
	s.failed(err)
	s.set(stateAfter(err))
	log := s.opt.Log.Debug
	if s.away.began(time.Now(), class(err)) {
		log = s.opt.Log.Warn
	}
	log("source interrupted", "source", s.String(), "state", string(s.Stats().State), "error", err, "retry", pause.Round(time.Millisecond))
}

// stateAfter is what a source does after an attempt that ended with err.
func stateAfter(err error) State {
	switch {
	case errors.Is(err, ErrArgusClients):
		return StateClients
	case errors.Is(err, ErrArgusAccess):
		return StateAccess
	case errors.Is(err, errAuthentication):
		return StateAuthentication
	}
	return StateRetrying
}

// backoff makes the waiting between attempts longer, up to half a minute, with
// some chance in it, so that many agents do not come back at once.
type backoff struct{ d time.Duration }

const (
	minBackoff = 500 * time.Millisecond
	maxBackoff = 30 * time.Second
	// goodRun is how long an attempt must have lasted to begin anew.
	goodRun = time.Minute
)

// next gives the time to wait after an attempt that lasted for lasted.
func (b *backoff) next(lasted time.Duration) time.Duration {
	switch {
	case b.d == 0 || lasted >= goodRun:
		b.d = minBackoff
	default:
		b.d = min(2*b.d, maxBackoff)
	}
	return b.d - time.Duration(rand.Int64N(int64(b.d)/4))
}
