package whatif

import (
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// Difference is a tuple on which two policies went different ways: their
// strongest decisions, and how each of them blocked it.
type Difference struct {
	Tuple        argusfeed.Tuple `json:"tuple"`
	Now          policy.Decision `json:"now"`
	Other        policy.Decision `json:"other"`
	NowBlocked   Blocked         `json:"now_blocked"`
	OtherBlocked Blocked         `json:"other_blocked"`
}

// Differences lists those of the tuples on which the policies went different ways,
// in their order.
func Differences(tuples []argusfeed.Tuple, now, other *Trials) []Difference {
	var all []Difference
	for _, t := range tuples {
		n, o := now.Of(t), other.Of(t)
		a, b := n.Strongest, o.Strongest
		if a.Action == b.Action && a.Duration == b.Duration && a.Scope == b.Scope && a.Verdict == b.Verdict && n.Blocked == o.Blocked {
			continue
		}
		all = append(all, Difference{Tuple: t, Now: a, Other: b, NowBlocked: n.Blocked, OtherBlocked: o.Blocked})
	}
	return all
}
