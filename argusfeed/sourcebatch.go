package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"
)

const (
	// batchSize is the most flows in a batch. A batch is smaller when no more
	// have arrived: a flow never waits for the next one.
	batchSize = 1024
	// deliverWait is how long a source that was told to stop waits for the
	// receiver of its last flows.
	deliverWait = 5 * time.Second
	// livePatience is how long a live source lets the receiver keep it waiting.
	// Argus queues 100,000 records and then drops the client that does not
	// read, with all of them: better to throw away one batch and count it.
	livePatience = time.Second
)

// outlet turns what a decoder reads into batches, and delivers them.
type outlet struct {
	out    chan<- []Flow
	stop   context.Context // told to stop
	status *status
	log    *slog.Logger
	live   bool
}

// errNotTaken says that the receiver has gone before the source had ended.
var errNotTaken = errors.New("the flows were not received")

// run reads dec to its end. What was decoded before an error is delivered.
func (o *outlet) run(dec Decoder) error {
	var f Flow
	var batch []Flow
	for {
		if len(batch) > 0 && (len(batch) == batchSize || !dec.Buffered()) {
			if err := o.send(batch); err != nil {
				return err
			}
			// The next batch will be about as long.
			batch = make([]Flow, 0, min(2*len(batch), batchSize))
		}
		err := dec.Next(&f)
		if err == nil {
			batch = append(batch, f)
			continue
		}
		if skip, ok := errors.AsType[*SkipError](err); ok {
			o.skip(skip, dec)
			continue
		}
		if len(batch) > 0 {
			if err := o.send(batch); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		return err
	}
}

// skip counts a line that is no flow.
func (o *outlet) skip(e *SkipError, dec Decoder) {
	first := o.status.skips.Add(e)
	if e.Kind == SkipManagement {
		o.status.add(&o.status.s.Lost, dec.Management().Dropped)
	}
	if !e.Kind.Bad() {
		o.heard()
	} else if first {
		o.log.Warn("line of the feed skipped; more of this kind are only counted",
			"source", o.status.String(), "line", e.Line, "kind", e.Kind.String(), "reason", e.Reason)
	}
}

func (o *outlet) heard() {
	if o.status.heard() && o.live {
		o.log.Info("source live", "source", o.status.String())
	}
}

// send delivers a batch, or throws it away where it must.
func (o *outlet) send(batch []Flow) error {
	o.heard()
	select {
	case o.out <- batch:
		o.status.delivered(batch)
		return nil
	default:
	}
	o.status.add(&o.status.s.Stalls, 1)
	var impatient <-chan time.Time
	if o.live {
		t := time.NewTimer(livePatience)
		defer t.Stop()
		impatient = t.C
	}
	select {
	case o.out <- batch:
		o.status.delivered(batch)
		return nil
	case <-impatient:
		o.status.add(&o.status.s.Dropped, uint64(len(batch)))
		return nil
	case <-o.stop.Done():
	}
	t := time.NewTimer(deliverWait)
	defer t.Stop()
	select {
	case o.out <- batch:
		o.status.delivered(batch)
		return nil
	case <-t.C:
		o.status.add(&o.status.s.Dropped, uint64(len(batch)))
		return fmt.Errorf("delivering the last %d flows of %s: %w within %v", len(batch), o.status, errNotTaken, deliverWait)
	}
}
