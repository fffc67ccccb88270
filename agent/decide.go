package agent

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// blocker is where blocks go: the enforcer, which in dry-run only remembers
// what it would have blocked.
type blocker interface {
	Apply(blocks []policy.Block) []enforce.Result
	Covering(t argusfeed.Tuple, scope policy.Scope) (enforce.Active, bool)
	Of(b policy.Block) (enforce.Active, bool)
	Len() int
}

// decider turns detections into decisions and puts the blocks among them in
// force before the next detection is looked at, so that each decision sees
// those before it. It belongs to one goroutine.
type decider struct {
	engine  *policy.Engine
	tracker *policy.Tracker
	blocks  blocker
	// ledger counts blocks for the budget, offences remembers them for what comes
	// back; nil: nothing is counted or remembered.
	ledger   *policy.Ledger
	offences *policy.Offences
	// recalled are the times of the matches of before this process that the tracker
	// was given; nil: none.
	recalled map[argusfeed.Tuple][]argusfeed.Time
	// ends are the blocks that others ended early; nil: nobody does.
	ends *earlyEnds
	// home gives the networks of this host's interfaces, feed the URL of a source
	// by its number; nil: not known.
	home func() *policy.Home
	feed func(source uint16) string
	// started is when the agent began to look, 0: long ago. Where ran is set it gives
	// for how long the agent has looked instead, whatever the wall's clock did.
	started argusfeed.Time
	ran     func() time.Duration
	// protected gives the newest snapshot of what is never blocked.
	protected func() *policy.Protected
	// paused says why nothing is blocked, empty: it is; nil: always.
	paused func() string
	// now gives the time of a decision: the wall clock in a live agent, the
	// flow's own time in a replay.
	now func(detection.Detection) argusfeed.Time
	// newID makes the ID of a decision; nil: a random one that sorts by the wall
	// clock.
	newID func(detection.Detection) (uuid.UUID, error)
	// decided is told of each decision.
	decided func(outcome)
}

// outcome is what became of a detection, or of a block by hand.
type outcome struct {
	// detection is nil where the block was asked for by hand, and by then says by
	// whom.
	detection *detection.Detection
	by        *history.Who
	decision  policy.Decision
	// failed is why its block is not in force, and until when it is otherwise.
	failed error
	until  time.Time
}

// decide answers the detections in their order.
func (d *decider) decide(detections []detection.Detection) error {
	newID := d.newID
	if newID == nil {
		newID = func(detection.Detection) (uuid.UUID, error) { return uuid.NewV7() }
	}
	for _, det := range detections {
		id, err := newID(det)
		if err != nil {
			return fmt.Errorf("making the id of a decision: %w", err)
		}
		view := d.view(det, id.String())
		decision := d.engine.Decide(det, view)
		d.tracker.Decided(decision)
		d.decided(d.enforce(outcome{detection: &det, decision: decision}))
	}
	return nil
}

// view gathers what the policy has to know besides the detection.
func (d *decider) view(det detection.Detection, id string) policy.View {
	d.hearEnds()
	v := policy.View{
		Now:           d.now(det),
		ID:            id,
		Evidence:      d.evidence(det),
		Protected:     d.protected(),
		BlocksInForce: d.blocks.Len(),
	}
	v.Started = d.startedAt(v.Now)
	if d.paused != nil {
		v.Paused = d.paused()
	}
	if d.home != nil {
		v.Home = d.home()
	}
	if d.feed != nil {
		v.Feed = d.feed(det.Source)
	}
	v.InForce = inForce(d.blocks.Covering(det.Tuple, d.engine.Scope(det, v)))
	if d.ledger != nil {
		v.Spent = d.ledger.Spent(det.Tuple, v.Now)
	}
	if d.offences != nil {
		v.Offended = d.offences.Of(det.Tuple)
	}
	return v
}

// startedAt is when the agent began to look, on the clock of now.
func (d *decider) startedAt(now argusfeed.Time) argusfeed.Time {
	if d.ran == nil {
		return d.started
	}
	return now.Add(-d.ran())
}

// record takes note of a block that is in force.
func (d *decider) record(b policy.Block, at argusfeed.Time) {
	if d.ledger != nil {
		d.ledger.Record(b, at)
	}
	if d.offences != nil {
		d.offences.Record(b, at)
	}
}

// enforce puts the block of a decision in force, if it has one.
func (d *decider) enforce(o outcome) outcome {
	block, ok := o.decision.Block()
	if !ok {
		return o
	}
	result := d.blocks.Apply([]policy.Block{block})[0]
	o.failed, o.until = result.Err, result.Until
	if o.failed == nil {
		d.record(block, o.decision.Time)
	}
	return o
}

// inForce is a block as policy sees it. One that the kernel does not have is
// none: it must be put in force, not counted on.
func inForce(a enforce.Active, ok bool) policy.InForce {
	if !ok || a.State == enforce.StateMissing {
		return policy.InForce{}
	}
	return policy.InForce{ID: a.Block.ID, Until: argusfeed.TimeOf(a.Until), Scope: a.Block.Scope}
}
