package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"slips-ips/agent/history"
	"slips-ips/enforce"
)

// watchKernel keeps what is wanted in force.
func (a *Agent) watchKernel(ctx context.Context) {
	err := a.enforcer.Watch(ctx, a.cfg.Enforce.CheckEvery, a.checked)
	if err != nil && ctx.Err() == nil {
		a.log.Error("the blocks in the kernel are not checked any more", "error", err)
	}
}

// checked tells what a look at the kernel found and did.
func (a *Agent) checked(r enforce.Report, _ error) {
	a.tellHindrance(time.Now()) // of which err is one
	switch {
	case r.Rebuilt != "":
		a.log.Warn("the table in the kernel was made again", "why", r.Rebuilt, "restored", r.Restored)
		a.events.tell(history.Event{Kind: history.KindAgent,
			Text: fmt.Sprintf("the table in the kernel was made again, with %d blocks: %s", r.Restored, r.Rebuilt)})
	case r.Restored > 0:
		a.log.Warn("blocks were missing in the kernel and are back", "restored", r.Restored)
		a.events.tell(history.Event{Kind: history.KindAgent,
			Text: fmt.Sprintf("%d blocks were missing in the kernel and are back: somebody else removed them, or the kernel did not take them at first", r.Restored)})
	}
	if r.Removed > 0 {
		a.log.Warn("somebody else put into our table what is no block of ours, and it is removed", "elements", r.Removed)
		a.events.tell(history.Event{Kind: history.KindAgent,
			Text: fmt.Sprintf("%d elements were removed from the table that are no blocks of ours: somebody else put them there", r.Removed)})
	}
	if r.Connections != nil {
		a.log.Warn("connection tracking does not forget the connections of blocks: what a flowtable has taken over may live on", "error", r.Connections)
	}
	a.tellUnlifted(r.Lifted)
	pace := a.pace(paceWatch)
	for _, l := range r.Late {
		pace.next()
		a.tellLate(l)
	}
	for _, l := range r.Lifted {
		pace.next()
		if errors.Is(l.Err, enforce.ErrRefused) {
			a.tellLift(l.Block, l.Since, time.Now(), history.EndProtected, l.Err.Error(), nil)
		}
	}
	for _, e := range r.Expired {
		pace.next()
		a.tellLift(e.Block, e.Since, e.Until, history.EndExpired, "it ran out", nil)
	}
}
