package history

import (
	"fmt"
	"time"

	"slips-ips/detection"
	"slips-ips/policy"
)

// Kind says what happened.
type Kind string

// The kinds.
const (
	// KindAlert is a decision that only tells. Repeats of the one before are
	// counted, not told.
	KindAlert Kind = "alert"
	// KindBlock is a decision to block: put in force, renewed, failed (Error) or,
	// in dry-run, what would have been.
	KindBlock Kind = "block"
	// KindLift is the end of a block.
	KindLift Kind = "lift"
	// KindFeed is an episode of a feed.
	KindFeed Kind = "feed"
	// KindChange is something an admin changed: configuration, models, allow
	// entries; blocks by hand are KindBlock and KindLift.
	KindChange Kind = "change"
	// KindAgent is the agent itself: started, stopped, a table made again.
	KindAgent Kind = "agent"
)

// Event is one thing that happened. It serialises to JSON (docs/schema/event.json)
// and is not changed after it was made.
type Event struct {
	// ID is globally unique and sorts by time (UUID version 7); a decision's
	// event has the decision's.
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	// Mode is that of the agent.
	Mode string `json:"mode"`
	// Text tells it in a line, for people.
	Text string `json:"text"`
	// Error is why what was wanted did not happen; empty: it did.
	Error string `json:"error,omitempty"`
	// By is who asked for it, where that was a person.
	By *Who `json:"by,omitempty"`

	// Alert and block have a decision, and the detection that it answers unless
	// it was made by hand.
	Decision  *policy.Decision     `json:"decision,omitempty"`
	Detection *detection.Detection `json:"detection,omitempty"`
	// Block and lift have a block.
	Block *Block `json:"block,omitempty"`
	Feed  *Feed  `json:"feed,omitempty"`
	// Ended tells that many blocks ended together; there is no lift of each.
	Ended *Ended `json:"ended,omitempty"`
	// Change has what changed, a line each, as "policy.duration: 1h -> 2h".
	Changes []string `json:"changes,omitempty"`
}

// NoUser is the UID of who is no user of this host.
const NoUser = ^uint32(0)

// Who is a person at the control socket, or at the page on loopback.
type Who struct {
	UID uint32 `json:"uid"`
	// User is the name of UID, Login that of the session's owner where it is
	// another one (sudo), From the address of the SSH peer; each may be empty.
	User  string `json:"user"`
	Login string `json:"login,omitempty"`
	From  string `json:"from,omitempty"`
	PID   int32  `json:"pid"`
	// Token is the name of the token that opened the page on loopback, and so is
	// User; UID is NoUser then.
	Token string `json:"token,omitempty"`
}

// Words names the person, for people.
func (w *Who) Words() string {
	if w.Token != "" {
		return w.Token + " (token of the web page)"
	}
	s := w.User
	if s == "" {
		s = fmt.Sprintf("user %d", w.UID)
	}
	if w.Login != "" && w.Login != s {
		s = w.Login + " as " + s
	}
	if w.From != "" {
		s += " from " + w.From
	}
	return s
}

// Block is a block at its beginning or end.
type Block struct {
	policy.Block
	// Since is when it began, Until when it ends or ended.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Renewal tells that it replaces one of the same tuple that is in force.
	Renewal bool `json:"renewal,omitempty"`
	// DryRun tells that nothing was dropped.
	DryRun bool `json:"dry_run,omitempty"`
	// End says why a lift came: EndExpired and the like.
	End End `json:"end,omitempty"`
}

// Ended is the end of all blocks that there were, of a dry-run too.
type Ended struct {
	// Count is how many, as far as that was known then.
	Count int `json:"count"`
	// Before is when those that are meant had begun.
	Before time.Time `json:"before"`
	End    End       `json:"end"`
}

// End says why a block ended.
type End string

// The ends.
const (
	EndExpired   End = "expired"   // it ran out
	EndLifted    End = "lifted"    // by hand
	EndProtected End = "protected" // an end of it is never blocked, since now
	EndPolicy    End = "policy"    // a reloaded policy would not make it
	EndGone      End = "gone"      // it was not in the kernel when the agent started
)

// Feed is an episode of a source.
type Feed struct {
	Source string `json:"source"`
	// State is the one that begins (argusfeed.State), Before the one that ends.
	State  string `json:"state"`
	Before string `json:"before"`
	// Away is how long the feed was away, where it came back from a gap, and
	// Missed the flows that began meanwhile.
	Away   time.Duration `json:"away_ns,omitempty"`
	Missed uint64        `json:"missed_flows,omitempty"`
}
