package agent

import (
	"context"
	"fmt"
	"time"

	"slips-ips/agent/history"
)

// openPause finds out whether blocking is paused, and ends in the history what a
// pause ended while no agent ran. It gives when the newest pause began: nothing
// from before it is restored.
func (a *Agent) openPause() (before time.Time) {
	a.pause.path = pausePath(a.cfg)
	m, ok := readPause(a.pause.path)
	if !ok {
		return time.Time{}
	}
	if !m.Over {
		a.pause.now.Store(&m.Paused)
		a.log.Warn("blocking is paused: detections only alert", "since", m.Since, "by", m.By)
	}
	ctx, cancel := context.WithTimeout(context.Background(), stageTime)
	defer cancel()
	if h := a.kept.history; h != nil {
		blocks, _ := h.Blocks(ctx) // what cannot be read is not restored either
		n := 0
		for _, b := range blocks {
			if !b.Since.After(m.Since) {
				n++
			}
		}
		if n > 0 {
			a.tellEnded(n, m.Paused, nil)
		}
	}
	if m.Over {
		if err := a.forgetPause(ctx, m.Paused); err != nil {
			a.log.Warn("the file of a pause that is over stays", "error", err)
		}
	}
	return m.Since
}

// tellEnded tells that a pause ended n blocks, as one event.
func (a *Agent) tellEnded(n int, p Paused, by *history.Who) {
	a.log.Warn("all blocks were lifted, and blocking is paused", "blocks", n, "by", p.By)
	text := fmt.Sprintf("%d blocks were lifted and blocking was paused", n)
	if p.By != "" {
		text += " by " + p.By
	}
	a.events.tell(history.Event{
		Kind: history.KindChange, By: by, Text: text, Changes: []string{"blocking: paused"},
		Ended: &history.Ended{Count: n, Before: p.Since.UTC(), End: history.EndLifted},
	})
}

// forgetPause removes the file of a pause that is over, as soon as the history
// knows what that ended; until then the file does.
func (a *Agent) forgetPause(ctx context.Context, p Paused) error {
	if h := a.kept.history; h != nil {
		if err := h.Flush(ctx); err != nil {
			return pauseMark{Paused: p, Over: true}.write(a.pause.path)
		}
	}
	return removePause(a.pause.path)
}
