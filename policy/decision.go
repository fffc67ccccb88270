package policy

import (
	"encoding/json"
	"fmt"
	"math"
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

// check tells what is wrong with a.
func (a Action) check() error {
	switch a {
	case ActionIgnore, ActionAlert, ActionBlock:
		return nil
	case "":
		return fmt.Errorf("missing; use %s", actionsAllowed)
	}
	return fmt.Errorf("%q is not allowed; use %s", string(a), actionsAllowed)
}

const actionsAllowed = "block, alert or ignore"

// UnmarshalText accepts the names of the actions.
func (a *Action) UnmarshalText(b []byte) error {
	v := Action(b)
	if err := v.check(); err != nil {
		return err
	}
	*a = v
	return nil
}

// Scope is how much a block covers.
type Scope string

// ScopeTuple covers source, destination, destination port and protocol, in
// both directions; without a port (ICMP) it covers the protocol between the two.
const ScopeTuple Scope = "tuple"

// The wider scopes, for rules that ask for them.
const (
	// ScopePair covers everything between source and destination.
	ScopePair Scope = "pair"
	// ScopeDestination covers everything to and from the destination.
	ScopeDestination Scope = "destination"
	// ScopeSource is a quarantine: everything to and from the source, but for what
	// [enforce] lets a quarantined host keep.
	ScopeSource Scope = "source"
)

// Verdict is what becomes of a blocked packet.
type Verdict string

// The verdicts; an empty one is that of [enforce].
const (
	VerdictDrop   Verdict = "drop"
	VerdictReject Verdict = "reject"
)

// check takes the empty scope, which stands for a tuple.
func (s Scope) check() error {
	switch s {
	case "", ScopeTuple, ScopePair, ScopeDestination, ScopeSource:
		return nil
	}
	return fmt.Errorf("%q is not allowed; use tuple, pair, destination or source", string(s))
}

// covers tells whether a block of scope s of a tuple stops all that one of
// scope o stops.
func (s Scope) covers(o Scope) bool {
	switch s {
	case ScopeDestination, ScopeSource:
		return o == s || o == ScopePair || o == ScopeTuple
	case ScopePair:
		return o == ScopePair || o == ScopeTuple
	}
	return o == ScopeTuple
}

// check takes the empty verdict, which stands for that of [enforce].
func (v Verdict) check() error {
	switch v {
	case "", VerdictDrop, VerdictReject:
		return nil
	}
	return fmt.Errorf("%q is not allowed; use drop or reject", string(v))
}

// UnmarshalText accepts the names of the scopes, and none.
func (s *Scope) UnmarshalText(b []byte) error {
	v := Scope(b)
	if err := v.check(); err != nil {
		return err
	}
	*s = v
	return nil
}

// UnmarshalText accepts the names of the verdicts, and none.
func (v *Verdict) UnmarshalText(b []byte) error {
	w := Verdict(b)
	if err := w.check(); err != nil {
		return err
	}
	*v = w
	return nil
}

// Cause is the step that settled a decision, for counting and comparing; its
// words are in Decision.Reason.
type Cause string

// The causes.
const (
	CauseRule        Cause = "rule"        // the rule says alert or ignore
	CauseUnconfirmed Cause = "unconfirmed" // too little evidence for a block
	CauseGrace       Cause = "grace"       // the agent has not run for long enough
	CauseUnblockable Cause = "unblockable" // the kernel cannot match such a tuple
	CauseStale       Cause = "stale"       // the flow is of another day
	CauseProtected   Cause = "protected"   // an end of the tuple is never blocked
	CausePaused      Cause = "paused"      // an admin turned all blocking off
	CauseInForce     Cause = "in-force"    // blocked already, for long enough
	CauseMaxBlocks   Cause = "max-blocks"  // too many blocks are in force
	CausePerMinute   Cause = "per-minute"  // too many blocks began in this minute
	CausePerSource   Cause = "per-source"  // too many blocks of that source are in force
	CausePerDest     Cause = "per-destination"
	CauseConfirmed   Cause = "confirmed" // blocked
	CauseRenewal     Cause = "renewal"   // blocked again before the block ran out

	CauseByHand  Cause = "by-hand" // a person asked for a block: blocked
	CauseForced  Cause = "forced"  // the same, and a guard was overridden
	CauseInvalid Cause = "invalid" // a person asked for what cannot be
)

// Decision is the answer to one detection. It always carries its reason. It is
// a value and serialises to JSON.
type Decision struct {
	// ID is globally unique and sorts by time (UUID version 7, RFC 9562).
	ID    string
	Time  argusfeed.Time
	Tuple argusfeed.Tuple
	// Action is what is to be done. Scope, Verdict and Duration say how much, how
	// and how long where that is a block, and are empty elsewhere; a verdict is
	// empty where that of [enforce] counts.
	Action   Action
	Scope    Scope
	Verdict  Verdict
	Duration time.Duration
	// Rule is the name of the rule that decided (DefaultRule where none
	// fitted), Cause the step that settled it, Reason the whole answer in words.
	Rule   string
	Cause  Cause
	Reason string
	// Label, Score, Threshold and Flows are those of the detection; Matches
	// counts the matches of the tuple that spoke for confirming it, no further
	// than the most that any rule asks for, and Since is the first of them.
	Label     string
	Score     float64
	Threshold float64
	Flows     uint64
	Matches   int
	Since     argusfeed.Time
	// Direction is that of the tuple, seen from home; empty where it has no
	// addresses.
	Direction Direction
	// Offence counts the blocks before this one that still count against what is
	// blocked, or would be.
	Offence int
	// Confirmed tells that there was the evidence that the rule asks for,
	// whatever the action.
	Confirmed bool
	// Renewal tells that a block replaces one of the same tuple that is still
	// in force.
	Renewal bool
	// Repeat tells that the decision before, on the same tuple, said the same:
	// action, rule and cause. Reports may keep quiet about it. A block is never
	// a repeat.
	Repeat bool
}

// decisionJSON is the form of a Decision, written and read.
type decisionJSON struct {
	ID        string          `json:"id"`
	Time      argusfeed.Time  `json:"time"`
	Tuple     argusfeed.Tuple `json:"tuple"`
	Action    Action          `json:"action"`
	Scope     Scope           `json:"scope"`
	Verdict   Verdict         `json:"verdict,omitempty"`
	Seconds   float64         `json:"seconds"`
	Rule      string          `json:"rule"`
	Cause     Cause           `json:"cause"`
	Reason    string          `json:"reason"`
	Label     string          `json:"label"`
	Score     *float64        `json:"score"`
	Threshold *float64        `json:"threshold"`
	Flows     uint64          `json:"flows"`
	Matches   int             `json:"matches"`
	Since     argusfeed.Time  `json:"since"`
	Direction Direction       `json:"direction,omitempty"`
	Offence   int             `json:"offence,omitempty"`
	Confirmed bool            `json:"confirmed"`
	Renewal   bool            `json:"renewal"`
	Repeat    bool            `json:"repeat"`
}

// MarshalJSON writes the duration in seconds and is what `replay --json`
// shows. A struct that embeds a Decision inherits it: use a named field.
func (d Decision) MarshalJSON() ([]byte, error) {
	return json.Marshal(decisionJSON{
		d.ID, d.Time, d.Tuple, d.Action, d.Scope, d.Verdict, d.Duration.Seconds(),
		d.Rule, d.Cause, d.Reason,
		d.Label, finite(d.Score), finite(d.Threshold), d.Flows, d.Matches, d.Since,
		d.Direction, d.Offence, d.Confirmed, d.Renewal, d.Repeat,
	})
}

// finite keeps what JSON has no number for from making a whole report fail.
func finite(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}

// Block gives the block that d asks for; ok is false where d asks for none.
func (d Decision) Block() (b Block, ok bool) {
	if d.Action != ActionBlock {
		return Block{}, false
	}
	return Block{ID: d.ID, Tuple: d.Tuple, Scope: d.Scope, Verdict: d.Verdict, Duration: d.Duration, Label: d.Label,
		Forced: d.Cause == CauseForced}, true
}

// Block is traffic to be dropped for a time. It is a value.
type Block struct {
	// ID is that of the decision that asked for it.
	ID    string
	Tuple argusfeed.Tuple
	Scope Scope
	// Verdict is empty where that of [enforce] counts.
	Verdict Verdict
	// Duration counts from the moment that the kernel takes the block.
	Duration time.Duration
	Label    string
	// Forced tells that a person insisted on it although the admin allows an end
	// of it (KindAllow).
	Forced bool
}

// MarshalJSON writes the duration in seconds.
func (b Block) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		ID      string          `json:"id"`
		Tuple   argusfeed.Tuple `json:"tuple"`
		Scope   Scope           `json:"scope"`
		Verdict Verdict         `json:"verdict,omitempty"`
		Seconds float64         `json:"seconds"`
		Label   string          `json:"label"`
		Forced  bool            `json:"forced,omitempty"`
	}{b.ID, b.Tuple, b.Scope, b.Verdict, b.Duration.Seconds(), b.Label, b.Forced})
}
