package enforce

import "time"

// Latency is how long transactions of the kernel took: from the first question
// whether the table is still ours to the kernel's confirmation of what it has, or
// to the failure. One that found the table gone includes the time in which it was
// made again, which is a transaction of its own as well.
//
// Counts[i] took at most Bounds[i] seconds and more than the bound before; the
// last count, without a bound, took longer. Sum is in seconds. In dry-run there
// are none.
type Latency struct {
	Bounds []float64
	Counts []uint64
	Sum    float64
}

// latencyBounds are those of Latency.
var latencyBounds = [...]time.Duration{
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// latencies counts.
type latencies struct {
	counts [len(latencyBounds) + 1]uint64
	sum    time.Duration
}

func (l *latencies) add(d time.Duration) {
	i := 0
	for i < len(latencyBounds) && d > latencyBounds[i] {
		i++
	}
	l.counts[i]++
	l.sum += d
}

// took notes a transaction that began at start.
func (e *Enforcer) took(start time.Time) {
	d := time.Since(start)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.latencies.add(d)
}

// Latency gives the durations of all transactions so far. The slices are the
// caller's.
func (e *Enforcer) Latency() Latency {
	e.mu.Lock()
	l := e.latencies
	e.mu.Unlock()
	out := Latency{Bounds: make([]float64, len(latencyBounds)), Counts: l.counts[:], Sum: l.sum.Seconds()}
	for i, b := range latencyBounds {
		out.Bounds[i] = b.Seconds()
	}
	return out
}
