package history

import "sync"

// queue holds the events that are not yet on the disk, in their order. It is
// safe for concurrent use, and nobody waits in it.
type queue struct {
	mu     sync.Mutex
	events []Event
	max    int
	// accepted counts the events that found a place, written those that left it.
	accepted, written, lost uint64
}

// put takes an event, or counts it lost. The last quarter of the places is kept
// from alerts: what must not be lost is how blocks began and ended.
func (q *queue) put(e Event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	most := q.max
	if e.Kind == KindAlert {
		most -= q.max / 4
	}
	if len(q.events) >= most {
		q.lost++
		return false
	}
	q.events = append(q.events, e)
	q.accepted++
	return true
}

// oldest copies up to n of the events that wait longest.
func (q *queue) oldest(n int) []Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]Event(nil), q.events[:min(n, len(q.events))]...)
}

// done removes the n oldest, of which some were lost after all.
func (q *queue) done(n, lost int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.events[:n]) // what they point to
	q.events = q.events[n:]
	if len(q.events) == 0 {
		q.events = nil
	}
	q.written += uint64(n)
	q.lost += uint64(lost)
}

func (q *queue) stats() (waiting int, accepted, written, lost uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.events), q.accepted, q.written, q.lost
}
