package report

import (
	"sync"
	"time"

	"slips-ips/agent/status"
)

// counters count what became of an output's reports. They outlive a reload
// that changes the output. They are safe for concurrent use.
type counters struct {
	mu       sync.Mutex
	out      status.Output
	dropping bool // since it last worked
	busy     map[uint64]time.Time
	last     uint64
}

func newCounters() *counters { return &counters{busy: map[uint64]time.Time{}} }

// begin notes that a delivery is under way, end that it is over.
func (c *counters) begin() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	c.busy[c.last] = time.Now()
	return c.last
}

func (c *counters) end(n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.busy, n)
}

// ok counts n reports that arrived; was tells that the output failed before,
// since then.
func (c *counters) ok(n int) (since time.Time, was bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Sent += uint64(n)
	since = c.out.Failing
	c.out.Failing, c.out.Error, c.dropping = time.Time{}, "", false
	return since, !since.IsZero()
}

// failed notes a failure; first tells that the output worked before.
func (c *counters) failed(err error) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Error = Plain(err.Error())
	if !c.out.Failing.IsZero() {
		return false
	}
	c.out.Failing = time.Now()
	return true
}

func (c *counters) retry() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Retried++
}

// drop counts n reports that never will arrive; first tells that they are the
// first since the output worked.
func (c *counters) drop(n int) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Dropped += uint64(n)
	first, c.dropping = !c.dropping, true
	return first
}

func (c *counters) limit() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out.Limited++
}

// stuckAfter is how long a delivery may take until the output is said to hang.
const stuckAfter = 10 * time.Second

// status gives the counts. An output that hangs is failing, though it has not
// said so.
func (c *counters) status() status.Output {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.out
	if !s.Failing.IsZero() {
		return s
	}
	for _, since := range c.busy {
		if time.Since(since) > stuckAfter && (s.Failing.IsZero() || since.Before(s.Failing)) {
			s.Failing, s.Error = since, "the receiver takes nothing and does not answer"
		}
	}
	return s
}
