package policy

import (
	"iter"

	"github.com/gaissmai/bart"
)

// All gives the entries: own addresses, then the others, each in the order of the
// networks.
func (p *Protected) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		if p == nil {
			return
		}
		for _, table := range []*bart.Table[Entry]{&p.own, &p.others} {
			for _, e := range table.AllSorted() {
				if !yield(e) {
					return
				}
			}
		}
	}
}
