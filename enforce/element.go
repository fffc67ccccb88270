package enforce

import (
	"time"

	"slips-ips/policy"
)

// element is a wanted block as the kernel gets it.
type element struct {
	key     key
	timeout time.Duration
	comment string
}

func elementOf(k key, a Active, now time.Time) element {
	return element{
		key:     k,
		timeout: max(a.Until.Sub(now), minTimeout),
		comment: commentOf(a.Block),
	}
}

// minTimeout is for what is left of a block. An element whose timeout is below
// a millisecond would never expire.
const minTimeout = 10 * time.Millisecond

// clamp keeps the duration of a block within what policy may ask for.
func clamp(d time.Duration) time.Duration {
	return min(max(d, policy.MinDuration), policy.MaxDuration)
}

// stored is an element as the kernel shows it.
type stored struct {
	key     key
	timeout time.Duration // 0 for none
	expires time.Duration // what is left; 0 means never
	comment string
}

// active gives the block of an adopted element.
func (s stored) active(now time.Time) Active {
	id, label, forced := parseComment(s.comment)
	since := now
	if s.timeout > s.expires {
		since = now.Add(s.expires - s.timeout)
	}
	return Active{
		Block: policy.Block{
			ID: id, Tuple: s.key.tuple(), Scope: policy.ScopeTuple,
			Duration: max(s.timeout, s.expires), Label: label, Forced: forced,
		},
		State: StateBlocked, Since: since, Until: now.Add(s.expires),
	}
}
