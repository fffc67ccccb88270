package argusfeed

import (
	"testing"

	"slips-ips/internal/testenv"
)

// Batches go round: a feed that is kept up with allocates none.
func TestBatchesAreUsedAgain(t *testing.T) {
	if testenv.Race {
		t.Skip("with the race detector a pool forgets on purpose")
	}
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
	if n >= 1 { // less: the collector may have emptied the pool meanwhile
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
