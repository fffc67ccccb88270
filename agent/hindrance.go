package agent

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"slips-ips/agent/status"
	"slips-ips/enforce"
)

// missingPatience is how long the kernel may lack a block, beyond the time between two
// looks, before that hinders: one that is being made is missing too, and one that
// somebody removed is put back at the next look.
const missingPatience = 2 * time.Second

// hindrance says what keeps blocks from being in force at this moment, the gravest
// thing of several; empty: nothing does. A dry-run can only be paused.
func (a *Agent) hindrance(h enforce.Health, missing, wanted int, now time.Time) (kind status.Hindrance, what string) {
	if p, ok := a.pause.state(); ok {
		return status.HindrancePaused, "nothing is blocked: " + p.words()
	}
	if a.enforcer.DryRun() {
		return "", ""
	}
	return kernelHindrance(h, missing, wanted, a.cfg.Enforce.CheckEvery, a.running.Load(), now)
}

// kernelHindrance is hindrance as far as the kernel is the reason, which is looked at
// so often while the agent runs.
func kernelHindrance(h enforce.Health, missing, wanted int, every time.Duration, running bool, now time.Time) (kind status.Hindrance, what string) {
	switch late := now.Sub(h.Checked); {
	case h.Err != nil:
		return status.HindranceKernel, fmt.Sprintf("the kernel cannot be asked: %v", h.Err)
	case missing > 0 && !h.Differs.IsZero() && now.Sub(h.Differs) > missingPatience+every:
		return status.HindranceMissing, fmt.Sprintf("%d of %d blocks are not in the kernel, since %s", missing, wanted, h.Differs.UTC().Format(time.RFC3339))
	case running && !h.Checked.IsZero() && late > stageStuck+every:
		return status.HindranceUnwatched, fmt.Sprintf("the blocks in the kernel were not looked at for %s", late.Round(time.Second))
	}
	return "", ""
}

// toldHindrance is what the log says last of what hinders: what lasts is told when it
// begins, when it becomes something else, and when it is over, not at each check.
type toldHindrance struct {
	mu    sync.Mutex
	kind  status.Hindrance
	err   string
	since time.Time
	// lifts are the reasons why blocks that must not be could not be lifted, by their
	// IDs.
	lifts map[string]string
}

// tellHindrance logs what is new of what hinders, as far as the kernel is the reason:
// a dry-run that counts too.
func (a *Agent) tellHindrance(now time.Time) {
	h, s := a.enforcer.Health(), a.enforcer.Stats()
	kind, _ := kernelHindrance(h, s.Missing, s.Wanted, a.cfg.Enforce.CheckEvery, a.running.Load(), now)
	if _, ok := a.pause.state(); ok {
		kind = status.HindrancePaused
	}
	text := ""
	if kind == status.HindranceKernel {
		text = h.Err.Error()
	}
	t := &a.hindered
	t.mu.Lock()
	defer t.mu.Unlock()
	if kind == t.kind && text == t.err {
		return
	}
	before, began := t.kind, t.since
	if before == "" {
		began = now
	}
	t.kind, t.err, t.since = kind, text, began
	switch {
	case kind == status.HindranceKernel:
		a.log.Error("the blocks in the kernel cannot be checked", "error", text, "missing", s.Missing)
	case kind == status.HindranceMissing:
		a.log.Error("blocks are missing in the kernel", "missing", s.Missing)
	case kind == "" && before != status.HindrancePaused:
		a.log.Warn("all blocks are in the kernel again", "blocks", s.Wanted, "after", now.Sub(began).Round(time.Second).String())
	}
}

// tellUnlifted logs which blocks that must not be could not be lifted: each once for
// each reason.
func (a *Agent) tellUnlifted(lifted []enforce.Lifted) {
	t := &a.hindered
	t.mu.Lock()
	defer t.mu.Unlock()
	var now map[string]string
	for _, l := range lifted {
		if errors.Is(l.Err, enforce.ErrRefused) {
			continue
		}
		if now == nil {
			now = map[string]string{}
		}
		id, text := l.Block.ID, l.Err.Error()
		now[id] = text
		if t.lifts[id] != text {
			a.log.Error("a block that must not be could not be lifted", "tuple", l.Block.Tuple.String(), "error", l.Err)
		}
	}
	t.lifts = now
}
