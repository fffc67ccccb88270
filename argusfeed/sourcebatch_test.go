package argusfeed

import (
	"context"
	"testing"

	"slips-ips/internal/testenv"
)

// Batches go round: a feed that is kept up with allocates none.
func TestBatchesAreUsedAgain(t *testing.T) {
	q := newBacklog()
	const flows = 3 * liveBatch
	n := testing.AllocsPerRun(200, func() {
		for range flows / liveBatch {
			batch := newBatch()
			for range liveBatch {
				batch = append(batch, Flow{})
			}
			if !q.push(batch) {
				t.Fatal("there was no room")
			}
		}
		for got := 0; got < flows; {
			batch := q.pop()
			got += len(batch)
			Recycle(batch)
		}
	})
	// Less than one: the collector may have emptied the pool meanwhile. With the race
	// detector a pool forgets on purpose.
	if n >= 1 && !testenv.Race {
		t.Errorf("%v allocations for %d flows", n, flows)
	}
	// What is no whole batch of a source is left alone.
	Recycle(nil)
	Recycle(make([]Flow, 3))
	Recycle(newBatch()[:batchSize][1:])
	if b := newBatch(); len(b) != 0 || cap(b) != batchSize {
		t.Errorf("a new batch has %d flows and room for %d", len(b), cap(b))
	}
}

// A batch that was handed over is its receiver's: when it is given back at once nobody
// else looks at it any more (the race detector tells).
func TestRecycledWhileCounted(t *testing.T) {
	q, s, out := newBacklog(), newStatus("test"), make(chan []Flow)
	ended := make(chan error, 1)
	go func() { ended <- q.deliver(context.Background(), out, s); close(out) }()
	const batches, each = 2000, 3
	go func() {
		for n := range batches {
			batch := newBatch()
			for range each {
				batch = append(batch, Flow{Start: Time(n + 1)})
			}
			q.pushWithin(batch, deliverWait)
		}
		q.close()
	}()
	flows := 0
	for batch := range out {
		flows += len(batch)
		Recycle(batch)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if st := s.s; flows != batches*each || st.Flows != batches*each || st.LastFlow != batches {
		t.Errorf("%d flows, counted %d, the newest of %d", flows, st.Flows, st.LastFlow)
	}
}
