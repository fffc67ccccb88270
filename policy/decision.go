package policy

import (
	"time"

	"slips-ips/argusfeed"
)

// Action is what a decision does about a detection.
type Action string

// The actions, from the least to the most.
const (
	ActionIgnore Action = "ignore" // neither told nor blocked
	ActionAlert  Action = "alert"  // told
	ActionBlock  Action = "block"  // told and blocked
)

// Scope is how much a block covers.
type Scope string

// ScopeTuple covers source, destination, destination port and protocol, in
// both directions; without a port (ICMP) it covers the protocol between the two.
const ScopeTuple Scope = "tuple"

// Decision is the answer to one detection. It always carries its reason. It is
// a value and serialises to JSON.
type Decision struct {
	// ID is globally unique and sorts by time (UUID version 7, RFC 9562).
	ID    string          `json:"id"`
	Time  argusfeed.Time  `json:"time"`
	Tuple argusfeed.Tuple `json:"tuple"`
	// Action is what is to be done; Scope and Duration say how much and how
	// long where that is a block.
	Action   Action        `json:"action"`
	Scope    Scope         `json:"scope,omitempty"`
	Duration time.Duration `json:"-"`
	// Rule is the name of the rule that decided, Reason the whole answer in
	// words.
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
	// Label, Score, Threshold and Flows are those of the detection; Matches
	// counts the matches of the tuple that spoke for confirming it.
	Label     string  `json:"label"`
	Score     float64 `json:"score"`
	Threshold float64 `json:"threshold"`
	Flows     uint64  `json:"flows"`
	Matches   int     `json:"matches"`
}

// Block gives the block that d asks for; ok is false where d asks for none.
func (d Decision) Block() (b Block, ok bool) {
	if d.Action != ActionBlock {
		return Block{}, false
	}
	return Block{ID: d.ID, Tuple: d.Tuple, Scope: d.Scope, Duration: d.Duration, Label: d.Label}, true
}

// Block is traffic to be dropped for a time. It is a value.
type Block struct {
	// ID is that of the decision that asked for it.
	ID    string          `json:"id"`
	Tuple argusfeed.Tuple `json:"tuple"`
	Scope Scope           `json:"scope"`
	// Duration counts from the moment that the kernel takes the block.
	Duration time.Duration `json:"duration"`
	Label    string        `json:"label"`
}
