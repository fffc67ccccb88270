package report

import (
	"math/rand/v2"
	"time"
)

// backoff gives the pauses between tries: each twice as long as the one before,
// up to most, with jitter so that many agents do not come at the same moment.
type backoff struct {
	first, most time.Duration
	next        time.Duration
}

// pause gives the next pause: between half of the whole one and all of it.
func (b *backoff) pause() time.Duration {
	d := max(b.next, b.first)
	b.next = min(2*d, b.most)
	d = min(d, b.most)
	return d/2 + rand.N(d/2+1)
}

// reset makes the next pause the first one.
func (b *backoff) reset() { b.next = 0 }
