package terminal

import (
	"io"
	"sync/atomic"
	"time"
)

// meter counts what is written to the terminal. It is safe for concurrent use as
// far as its writer is.
type meter struct {
	w io.Writer
	n atomic.Uint64
}

func (m *meter) Write(b []byte) (int, error) {
	n, err := m.w.Write(b)
	m.n.Add(uint64(max(n, 0)))
	return n, err
}

// pace says when the screen may be drawn again by itself: after the interval, and
// not before a line of rate bytes a second has carried what was drawn. Keys are
// answered at once; what that costs is waited for afterwards.
type pace struct {
	every time.Duration
	rate  int // bytes a second; 0: no limit
	// owed is what the line still carries at the time at, of the seen bytes.
	owed float64
	seen uint64
	at   time.Time
	// second is how many bytes a second were written since the last look.
	second float64
}

// next gives how long to wait when n bytes have been written in all.
func (p *pace) next(n uint64, now time.Time) time.Duration {
	since := now.Sub(p.at).Seconds()
	written := float64(n - p.seen)
	if !p.at.IsZero() && since > 0 {
		p.second = written / since
	}
	p.owed = max(0, p.owed-since*float64(p.rate)) + written
	p.seen, p.at = n, now
	if p.rate <= 0 {
		p.owed = 0
		return p.every
	}
	return max(p.every, time.Duration(p.owed/float64(p.rate)*float64(time.Second)))
}
