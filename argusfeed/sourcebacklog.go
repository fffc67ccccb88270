package argusfeed

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// liveQueue is how many flows of a live source may wait for detection: 16 MB at
// most, and more than five seconds of 12,000 flows a second. Argus itself keeps
// 100,000 records for a client and then drops the client with all of them, so
// what does not fit here is thrown away here, and counted.
const liveQueue = 64 << 10

// backlog stands between the reading of a live source, which must never wait, and
// the receiver of its flows, which may be slow.
type backlog struct {
	mu      sync.Mutex
	batches [][]Flow
	flows   int
	closed  bool
	wake    chan struct{} // holds one token when there is something to look at
	room    chan struct{} // holds one token when something was taken away
}

func newBacklog() *backlog {
	return &backlog{wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// push takes a batch, or refuses all of it where it does not fit. It never
// waits. The batch belongs to the queue afterwards.
func (q *backlog) push(batch []Flow) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.flows+len(batch) > liveQueue {
		return false
	}
	q.flows += len(batch)
	// Small batches become one while they wait: a batch may be a single flow,
	// and costs as much to hand over as a large one.
	if n := len(q.batches); n > 0 && len(q.batches[n-1])+len(batch) <= batchSize {
		q.batches[n-1] = append(q.batches[n-1], batch...)
		Recycle(batch)
	} else {
		q.batches = append(q.batches, batch)
	}
	leaveToken(q.wake)
	return true
}

// pushWithin waits for room, for patience at most. One goroutine pushes.
func (q *backlog) pushWithin(batch []Flow, patience time.Duration) bool {
	late := time.NewTimer(patience)
	defer late.Stop()
	for !q.push(batch) {
		select {
		case <-q.room:
		case <-late.C:
			return false
		}
	}
	return true
}

// close says that nothing more will come.
func (q *backlog) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	leaveToken(q.wake)
}

// leaveToken leaves a token, unless there is one.
func leaveToken(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pop waits for a batch; nil is the end.
func (q *backlog) pop() []Flow {
	for {
		q.mu.Lock()
		if len(q.batches) > 0 {
			b := q.batches[0]
			q.batches = slices.Delete(q.batches, 0, 1)
			q.flows -= len(b)
			q.mu.Unlock()
			leaveToken(q.room)
			return b
		}
		closed := q.closed
		q.mu.Unlock()
		if closed {
			return nil
		}
		<-q.wake
	}
}

// drop empties the queue and tells how many flows that are over were in it.
func (q *backlog) drop() (flows int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, batch := range q.batches {
		flows += overIn(batch)
	}
	q.batches, q.flows = nil, 0
	leaveToken(q.room)
	return flows
}

// deliver hands batches over until the queue is closed and empty. Once stop has
// ended it gives up on a receiver that takes nothing for deliverWait.
func (q *backlog) deliver(stop context.Context, out chan<- []Flow, s *status) error {
	gone := false
	var err error
	for {
		batch := q.pop()
		if batch == nil {
			return err
		}
		d := deliveryOf(batch)
		switch {
		case gone:
			s.add(&s.s.Dropped, d.over)
			Recycle(batch)
		case handOver(stop, out, batch, s):
			s.delivered(d)
		default: // whatever still comes is dropped too
			gone = true
			n := d.over + uint64(q.drop())
			s.add(&s.s.Dropped, n)
			err = fmt.Errorf("delivering the last %d flows of %s: %w within %v", n, s, errNotTaken, deliverWait)
		}
	}
}

// handOver waits for the receiver: as long as it takes, or deliverWait once stop
// has ended. It tells whether the receiver has taken the batch.
func handOver(stop context.Context, out chan<- []Flow, batch []Flow, s *status) bool {
	select {
	case out <- batch:
		return true
	default:
	}
	s.add(&s.s.Stalls, 1)
	select {
	case out <- batch:
		return true
	case <-stop.Done():
	}
	t := time.NewTimer(deliverWait)
	defer t.Stop()
	select {
	case out <- batch:
		return true
	case <-t.C:
		return false
	}
}
