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
	Lookup(t argusfeed.Tuple) (enforce.Active, bool)
	Len() int
}

// decider turns detections into decisions and puts the blocks among them in
// force before the next detection is looked at, so that each decision sees
// those before it. It belongs to one goroutine.
type decider struct {
	engine  *policy.Engine
	tracker *policy.Tracker
	blocks  blocker
	// protected gives the newest snapshot of what is never blocked.
	protected func() *policy.Protected
	// now gives the time of a decision: the wall clock in a live agent, the
	// flow's own time in a replay.
	now func(detection.Detection) argusfeed.Time
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
	for _, det := range detections {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("making the id of a decision: %w", err)
		}
		view := policy.View{
			Now:           d.now(det),
			ID:            id.String(),
			Evidence:      d.tracker.Observe(det),
			Protected:     d.protected(),
			InForce:       inForce(d.blocks.Lookup(det.Tuple)),
			BlocksInForce: d.blocks.Len(),
		}
		decision := d.engine.Decide(det, view)
		d.tracker.Decided(decision)
		d.decided(d.enforce(outcome{detection: &det, decision: decision}))
	}
	return nil
}

// enforce puts the block of a decision in force, if it has one.
func (d *decider) enforce(o outcome) outcome {
	block, ok := o.decision.Block()
	if !ok {
		return o
	}
	result := d.blocks.Apply([]policy.Block{block})[0]
	o.failed, o.until = result.Err, result.Until
	return o
}

// inForce is a block as policy sees it. One that the kernel does not have is
// none: it must be put in force, not counted on.
func inForce(a enforce.Active, ok bool) policy.InForce {
	if !ok || a.State == enforce.StateMissing {
		return policy.InForce{}
	}
	return policy.InForce{ID: a.Block.ID, Until: argusfeed.TimeOf(a.Until)}
}
