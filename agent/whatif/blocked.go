package whatif

import (
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// Blocked is when and for how long a policy blocked a tuple by decisions on the
// tuple itself. It is a value.
type Blocked struct {
	// Blocks that began, renewals not counted.
	Blocks int `json:"blocks"`
	// First began then, and the last ends at Until; both are 0 where there is none.
	First argusfeed.Time `json:"first"`
	Until argusfeed.Time `json:"until"`
	// Seconds is how long it was blocked in all, what overlaps counted once.
	Seconds float64 `json:"seconds"`
}

// add counts the seconds from a time on.
func (b *Blocked) add(d policy.Decision, from argusfeed.Time) {
	until := d.Time.Add(d.Duration)
	if !d.Renewal || b.Blocks == 0 {
		if b.Blocks++; b.Blocks == 1 {
			b.First = d.Time
		}
	}
	if until > b.Until {
		b.Seconds += until.Sub(max(d.Time, b.Until, from)).Seconds()
		b.Until = until
	}
}
