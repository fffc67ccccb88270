package policy

import (
	"hash/fnv"
	"time"

	"slips-ips/detection"
)

// gapsBlocked is how many gaps of a beacon a block lasts at least: a shorter one
// is over before the next call and stops nothing. With three of them a call that
// is blocked comes early enough to renew it.
const gapsBlocked = 3

// lasts is how long a block of the rule is that follows so many others, before
// jitter.
func (e *Engine) lasts(r *compiled, d detection.Detection, offences int) time.Duration {
	length := max(r.duration, gapsBlocked*min(d.Gap, MaxDuration))
	if n := len(e.repeat); n > 0 && offences > 0 {
		length = max(length, e.repeat[min(offences, n)-1])
	}
	return min(length, r.longest)
}

// duration is how long a block is in the end. From the second one on it is a
// little longer, by a share that comes from the ID: nobody can tell when it
// ends, and blocks that began together do not end together. As long as nothing
// was forgiven none is shorter than those before, but for r.longest.
func (e *Engine) duration(r *compiled, d detection.Detection, before Offence, offences int, id string) time.Duration {
	length := e.lasts(r, d, offences)
	if offences == 0 {
		return length
	}
	length += time.Duration(e.jitter * share(id) * float64(length))
	if offences >= before.Count {
		length = max(length, before.Longest)
	}
	return min(length, r.longest)
}

// share turns an ID into a number from 0 up to 1.
func share(id string) float64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // it never fails
	// The newest bytes hardly reach the upper bits of the sum.
	x := h.Sum64()
	x ^= x >> 32
	x *= 0x9e3779b97f4a7c15
	return float64(x>>11) / (1 << 53)
}
