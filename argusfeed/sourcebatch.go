package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// batchSize is the most flows in a batch. A batch is smaller when no more
	// have arrived: a flow never waits for the next one.
	batchSize = 1024
	// deliverWait is how long a source that was told to stop waits for the
	// receiver of its last flows.
	deliverWait = 5 * time.Second
)

// outlet turns stored flows into batches, and delivers them. It waits for the
// receiver as long as that takes: nothing of a file is lost. (A live source may
// not wait, and has a backlog.)
type outlet struct {
	out    chan<- []Flow
	stop   context.Context // told to stop
	status *status
	log    *slog.Logger
}

// errNotTaken says that the receiver has gone before the source had ended.
var errNotTaken = errors.New("the flows were not received")

// run reads dec to its end. What was decoded before an error is delivered.
func (o *outlet) run(dec Decoder) error {
	var f Flow
	batch := newBatch()
	for {
		if len(batch) > 0 && (len(batch) == batchSize || !dec.Buffered()) {
			if err := o.send(batch); err != nil {
				return err
			}
			batch = newBatch()
			o.status.joined(dec.Joined())
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
		o.status.joined(dec.Joined())
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

// spare has batches that nobody needs now. At 100,000 flows a second they were nearly
// all that was allocated, and what the collector had to come for every few seconds.
var spare = sync.Pool{New: func() any { return new([batchSize]Flow) }}

func newBatch() []Flow { return spare.Get().(*[batchSize]Flow)[:0] }

// Recycle gives back a batch of a Source whose receiver needs it no more: it must not
// look at it again. To keep a batch instead is allowed. It may be called from any
// goroutine.
func Recycle(batch []Flow) {
	if cap(batch) == batchSize { // as newBatch makes them, and from the beginning
		spare.Put((*[batchSize]Flow)(batch[:batchSize]))
	}
}

// skip counts a line that is no flow.
func (o *outlet) skip(e *SkipError, dec Decoder) {
	if e.Kind == SkipManagement {
		o.status.add(&o.status.s.Lost, dec.Management().Dropped)
	}
	if !e.Kind.Bad() {
		o.status.heard(time.Now())
	}
	o.status.skip(e, o.log)
}

// skip counts a line or record that is no flow, and tells the first bad one of
// its kind.
func (s *status) skip(e *SkipError, log *slog.Logger) {
	if s.skips.Add(e) && e.Kind.Bad() {
		log.Warn("line of the feed skipped; more of this kind are only counted",
			"source", s.String(), "line", e.Line, "kind", e.Kind.String(), "reason", e.Reason)
	}
}

// send delivers a batch.
func (o *outlet) send(batch []Flow) error {
	o.status.heard(time.Now())
	d := deliveryOf(batch)
	if handOver(o.stop, o.out, batch, o.status) {
		o.status.delivered(d)
		return nil
	}
	o.status.add(&o.status.s.Dropped, d.over)
	return fmt.Errorf("delivering the last %d flows of %s: %w within %v", d.over, o.status, errNotTaken, deliverWait)
}
