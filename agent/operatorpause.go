package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
)

// Panic lifts all blocks and blocks nothing from now on, whatever happens.
func (o operator) Panic(_ context.Context, by history.Who) (control.PauseResult, error) {
	if o.enforcer == nil {
		return control.PauseResult{}, errNotBlocking
	}
	o.pausing.Lock()
	defer o.pausing.Unlock()
	p, already := o.pause.state()
	if !already {
		p = Paused{Since: time.Now().UTC(), By: whoText(by)}
	}
	// In memory first: from here on the policy asks for no block.
	o.pause.now.Store(&p)
	ended, err := o.enforcer.Pause()
	if err != nil {
		err = fmt.Errorf("blocking is paused, but the table may still be in the kernel: %w; try: nft delete table inet %s", err, o.cfg.Enforce.Table)
	}
	for _, active := range ended {
		o.grounds.end(active.Block)
		o.ends.note(active.Block, history.EndGone) // its place is free; nothing is forgiven
	}
	if !already || len(ended) > 0 {
		told := p
		told.Since = time.Now() // of a block that began in between too
		o.tellEnded(len(ended), told, &by)
	}
	if merr := (pauseMark{Paused: p}).write(o.pause.path); merr != nil {
		err = errors.Join(err, fmt.Errorf("blocking is paused until the agent is restarted: %w", merr))
	}
	if err != nil {
		o.log.Error("the pause is not complete", "error", err)
	}
	return control.PauseResult{Paused: true, Since: p.Since, By: p.By, Lifted: len(ended), DryRun: o.enforcer.DryRun()}, err
}

// Resume ends a pause.
func (o operator) Resume(ctx context.Context, by history.Who) (control.PauseResult, error) {
	if o.enforcer == nil {
		return control.PauseResult{}, errNotBlocking
	}
	o.pausing.Lock()
	defer o.pausing.Unlock()
	result := control.PauseResult{DryRun: o.enforcer.DryRun()}
	p, paused := o.pause.state()
	if !paused {
		return result, nil
	}
	if err := o.enforcer.Resume(); err != nil {
		return control.PauseResult{Paused: true, Since: p.Since, By: p.By, DryRun: result.DryRun}, fmt.Errorf("blocking stays paused: %w", err)
	}
	o.pause.now.Store(nil)
	result.Since, result.By = p.Since, p.By
	o.changed(by, "blocking: resumed", "")
	return result, o.forgetPause(ctx, p)
}
