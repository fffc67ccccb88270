package agent

import "time"

// rateSpan is the time over which rates are.
const rateSpan = 10 * time.Second

// rate is how fast a counter grows. It belongs to one goroutine.
type rate struct {
	samples []sample // the oldest first, of the last rateSpan
}

type sample struct {
	at    time.Time
	count uint64
}

// add takes what the counter says now.
func (r *rate) add(now time.Time, count uint64) {
	if n := len(r.samples); n > 0 && count < r.samples[n-1].count {
		r.samples = r.samples[:0] // the counter began anew
	}
	r.samples = append(r.samples, sample{now, count})
	for len(r.samples) > 2 && now.Sub(r.samples[1].at) >= rateSpan {
		r.samples = append(r.samples[:0], r.samples[1:]...)
	}
}

// perSecond is the growth over the samples; 0 while there are not two.
func (r *rate) perSecond() float64 {
	n := len(r.samples)
	if n < 2 {
		return 0
	}
	first, last := r.samples[0], r.samples[n-1]
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(last.count-first.count) / seconds
}

// grew is by how much the counter grew over the samples.
func (r *rate) grew() uint64 {
	if len(r.samples) == 0 {
		return 0
	}
	return r.samples[len(r.samples)-1].count - r.samples[0].count
}
