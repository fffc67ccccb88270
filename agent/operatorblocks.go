package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// Blocks lists the blocks that have not run out.
func (o operator) Blocks(ctx context.Context, q control.BlockQuery) (control.BlockList, error) {
	if o.enforcer == nil {
		return control.BlockList{}, errNotBlocking
	}
	fits, err := tupleFilter(q.Match, q.Host)
	if err != nil {
		return control.BlockList{}, err
	}
	list := control.BlockList{DryRun: o.enforcer.DryRun(), Blocks: []control.BlockInfo{}}
	limit := cmp.Or(q.Limit, control.DefaultLimit)
	for active := range o.enforcer.Newest() {
		list.Total++
		if q.State != "" && active.State != q.State || !fits(active.Block.Tuple) {
			continue
		}
		list.Matching++
		if list.Matching > q.Offset && len(list.Blocks) < limit {
			list.Blocks = append(list.Blocks, o.blockInfo(active))
		}
	}
	if len(list.Blocks) <= maxRecalled {
		for i := range list.Blocks {
			o.recall(ctx, &list.Blocks[i])
		}
	}
	if len(list.Blocks) <= control.MaxHits {
		for i := range list.Blocks {
			list.Blocks[i].Hits = o.hitsOf(list.Blocks[i])
		}
	}
	return list, nil
}

// maxRecalled is how long a list of blocks may be of which those that memory
// knows no reason of are looked up in the history.
const maxRecalled = 1000

// recall fills in why a process before this one made a block.
func (a *Agent) recall(ctx context.Context, b *control.BlockInfo) {
	if b.Reason != "" {
		return
	}
	if g, ok := a.groundOf(ctx, policy.Block{ID: b.ID, Tuple: b.Tuple}); ok {
		b.Reason, b.By = g.decision.Reason, g.by
	}
}

// blockInfo tells of a block, with the reason where memory has it.
func (a *Agent) blockInfo(active enforce.Active) control.BlockInfo {
	b := active.Block
	info := control.BlockInfo{
		ID: b.ID, Tuple: b.Tuple, Scope: b.Scope, Verdict: a.verdictOf(b), Label: b.Label, State: active.State,
		Since: active.Since.UTC(), Until: active.Until.UTC(), Left: max(0, time.Until(active.Until).Seconds()),
	}
	if g, ok := a.grounds.of(b); ok {
		info.Reason = g.decision.Reason
		info.By = g.by
	}
	return info
}

// verdictOf is what becomes of a packet of a block.
func (a *Agent) verdictOf(b policy.Block) policy.Verdict {
	return cmp.Or(b.Verdict, policy.Verdict(a.cfg.Enforce.Verdict))
}

// AddBlock blocks by hand.
func (o operator) AddBlock(ctx context.Context, by history.Who, r control.BlockRequest) (control.BlockInfo, error) {
	if o.decider == nil {
		return control.BlockInfo{}, errNotBlocking
	}
	id, err := uuid.NewV7()
	if err != nil {
		return control.BlockInfo{}, fmt.Errorf("making the id of a decision: %w", err)
	}
	scope := cmp.Or(r.Scope, policy.ScopeTuple)
	var out outcome
	if err := ask(ctx, o.deciding, func() {
		o.decider.hearEnds() // before the block of what was lifted just now counts anew
		view := policy.View{
			Now: argusfeed.TimeOf(time.Now()), ID: id.String(), Protected: o.hosts.snapshot(),
			InForce: inForce(o.enforcer.Covering(r.Tuple, scope)), BlocksInForce: o.enforcer.Len(), Paused: o.pause.words(),
		}
		decision := o.decider.engine.ByHand(policy.HandRequest{
			Tuple: r.Tuple, Scope: scope, Verdict: r.Verdict, Duration: r.Duration, By: whoText(by), Comment: r.Comment, Force: r.Force,
		}, view)
		out = o.decider.enforce(outcome{decision: decision, by: &by})
		if decision.Action == policy.ActionBlock {
			o.tell(out)
		}
	}); err != nil {
		return control.BlockInfo{}, err
	}
	switch {
	case out.failed != nil && errors.Is(out.failed, enforce.ErrRefused):
		return control.BlockInfo{}, fmt.Errorf("%w: %w", control.ErrRefused, out.failed)
	case out.failed != nil:
		return control.BlockInfo{}, out.failed
	case out.decision.Action != policy.ActionBlock:
		// No alert: nobody but who asked for it did anything.
		o.changed(by, "block of "+r.Tuple.String()+" refused", out.decision.Reason)
		return control.BlockInfo{}, fmt.Errorf("%w: %s", control.ErrRefused, out.decision.Reason)
	}
	active, ok := o.enforcer.Of(policy.Block{Tuple: r.Tuple, Scope: scope})
	if !ok {
		return control.BlockInfo{}, fmt.Errorf("the block of %s has run out already", r.Tuple)
	}
	return o.blockInfo(active), nil
}

// whoText names a person for a reason.
func whoText(w history.Who) string {
	if w.Token != "" {
		return w.Token + " (token of the web page)"
	}
	name := cmp.Or(w.Login, w.User, fmt.Sprintf("uid %d", w.UID))
	if w.Login != "" && w.User != "" && w.Login != w.User {
		name += " (as " + w.User + ")"
	}
	return name
}

// RemoveBlock lifts a block. Where only a block of another tuple covers the tuple
// asked for, it refuses and names that one: to end a whole quarantine is asked for
// by its ID, or by its own tuple.
func (o operator) RemoveBlock(_ context.Context, by history.Who, idOrTuple string) (control.BlockInfo, error) {
	if o.enforcer == nil {
		return control.BlockInfo{}, errNotBlocking
	}
	active, ok := o.enforcer.Find(idOrTuple)
	if tuple, err := argusfeed.FindTuple(idOrTuple); !ok && err == nil {
		active, ok = o.enforcer.Lookup(tuple)
	}
	if !ok {
		return control.BlockInfo{}, fmt.Errorf("%w: no block in force has the ID or the tuple %q; `slips-ips block list` has them", control.ErrNotFound, idOrTuple)
	}
	info := o.blockInfo(active)
	if !own(active.Block, idOrTuple) {
		return info, fmt.Errorf("%w: %s has no block of its own: %s of %s, scope %s, covers it. To end all that this one blocks: slips-ips block remove %s",
			control.ErrRefused, idOrTuple, active.Block.ID, active.Block.Tuple, active.Block.Scope, active.Block.ID)
	}
	if r := o.enforcer.Lift([]policy.Block{active.Block})[0]; r.Err != nil {
		return info, fmt.Errorf("lifting the block of %s: %w", active.Block.Tuple, r.Err)
	}
	o.tellLift(active.Block, active.Since, time.Now(), history.EndLifted, "lifted by "+whoText(by), &by)
	return info, nil
}

// own tells that what was asked for is the block's ID or its tuple.
func own(b policy.Block, idOrTuple string) bool {
	if b.ID == idOrTuple {
		return true
	}
	tuple, err := argusfeed.FindTuple(idOrTuple)
	return err == nil && tuple == b.Tuple
}

// FlushBlocks lifts all blocks.
func (o operator) FlushBlocks(_ context.Context, by history.Who) (lifted int, err error) {
	if o.enforcer == nil {
		return 0, errNotBlocking
	}
	all := o.enforcer.List()
	blocks := make([]policy.Block, len(all))
	for i, active := range all {
		blocks[i] = active.Block
	}
	var failed []error
	pace := o.pace(paceAsked)
	for i, r := range o.enforcer.Lift(blocks) {
		if r.Err != nil {
			failed = append(failed, fmt.Errorf("lifting the block of %s: %w", r.Block.Tuple, r.Err))
			continue
		}
		lifted++
		pace.next()
		o.tellLift(r.Block, all[i].Since, time.Now(), history.EndLifted, "all were lifted by "+whoText(by), &by)
	}
	return lifted, errors.Join(failed...)
}
