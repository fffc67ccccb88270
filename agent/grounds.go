package agent

import (
	"sync"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// grounds remembers why each block in force was made, so that a policy that is
// loaded later can be asked whether it would make it. It is safe for concurrent
// use, and as bounded as the blocks are.
type grounds struct {
	mu   sync.Mutex
	last map[argusfeed.Tuple]ground
	// full is how many there are before those are looked for that are in force no
	// more: a wide block may be renewed by another tuple than it began with.
	full int
}

// roomForGrounds is how many there are at least before that.
const roomForGrounds = 1000

// ground is the newest decision to block a tuple; detection is nil where it was
// made by hand.
type ground struct {
	decision  policy.Decision
	detection *detection.Detection
	by        *history.Who
}

func newGrounds() *grounds {
	return &grounds{last: map[argusfeed.Tuple]ground{}, full: roomForGrounds}
}

// put remembers why a block was made. inForce tells whether a block still is, by
// its ID.
func (g *grounds) put(b ground, inForce func(id string) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.last[b.decision.Tuple] = b
	if len(g.last) < g.full {
		return
	}
	for tuple, old := range g.last {
		if tuple != b.decision.Tuple && !inForce(old.decision.ID) {
			delete(g.last, tuple)
		}
	}
	g.full = max(roomForGrounds, 2*len(g.last))
}

// end forgets the block of a tuple, unless another one took its place.
func (g *grounds) end(b policy.Block) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.last[b.Tuple].decision.ID == b.ID {
		delete(g.last, b.Tuple)
	}
}

func (g *grounds) of(b policy.Block) (ground, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	known, ok := g.last[b.Tuple]
	return known, ok && known.decision.ID == b.ID
}
