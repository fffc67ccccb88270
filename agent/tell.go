package agent

import (
	"fmt"
	"log/slog"
	"time"

	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// tell logs a decision and makes an event of it. A repeat of the one before is
// only counted.
func (a *Agent) tell(o outcome) {
	a.tally.count(o)
	d := o.decision
	if o.detection != nil && a.kept.history != nil {
		a.kept.history.Detected(*o.detection)
	}
	attrs := []any{
		slog.String("tuple", d.Tuple.String()),
		slog.String("model", d.Label),
		slog.Float64("score", d.Score),
		slog.String("rule", d.Rule),
		slog.String("reason", d.Reason),
		slog.String("id", d.ID),
	}
	switch {
	case d.Action == policy.ActionIgnore:
		a.log.Debug("ignored", attrs...)
		return
	case d.Action == policy.ActionAlert && d.Repeat:
		a.log.Debug("alert", attrs...)
		return
	case d.Action == policy.ActionAlert:
		a.log.Info("alert", attrs...)
	case o.failed != nil:
		a.log.Error("not blocked", append(attrs, slog.String("error", o.failed.Error()))...)
	default:
		attrs = append(attrs, slog.String("ttl", d.Duration.Round(time.Second).String()))
		switch {
		case a.enforcer.DryRun():
			a.log.Info("would block", attrs...)
		case d.Renewal:
			a.log.Info("block renewed", attrs...)
		default:
			// Not a.log: a block is no trouble, and many would push what is out of the status.
			a.opt.Log.Warn("blocked", attrs...)
		}
	}
	a.events.tell(a.eventOf(o))
}

// eventOf makes the event of an alert or a block.
func (a *Agent) eventOf(o outcome) history.Event {
	d := o.decision
	e := history.Event{ID: d.ID, Time: time.Now(), Kind: history.KindAlert, By: o.by, Decision: &d, Detection: o.detection}
	tuple, what := d.Tuple.String(), d.Label
	if what == "" {
		what = "by hand"
	}
	block, ok := d.Block()
	if !ok {
		e.Text = fmt.Sprintf("%s: %s: %s", tuple, what, d.Reason)
		return e
	}
	e.Kind = history.KindBlock
	e.Block = &history.Block{
		Block: block, Since: e.Time, Until: o.until, Renewal: d.Renewal, DryRun: a.enforcer.DryRun(),
	}
	if active, ok := a.enforcer.Of(block); ok {
		e.Block.Since = active.Since
	}
	verb := "blocked"
	switch {
	case o.failed != nil:
		verb, e.Error = "not blocked", o.failed.Error()
		e.Block.Until = e.Time
	case e.Block.DryRun:
		verb = "would be blocked"
	case d.Renewal:
		verb = "blocked on"
	}
	if o.failed == nil || a.inForce(d.ID) { // one that the kernel did not take stays wanted
		a.grounds.put(ground{o.decision, o.detection, o.by}, a.inForce)
	}
	e.Text = fmt.Sprintf("%s %s for %s: %s: %s", tuple, verb, d.Duration.Round(time.Second), what, d.Reason)
	return e
}

// tellLate tells of a block of which it was told that the kernel did not take it:
// now it is in force, and has to be restored after a reboot and to count as others.
func (a *Agent) tellLate(late enforce.Active) {
	b := late.Block
	if active, ok := a.enforcer.Find(b.ID); !ok || active.State == enforce.StateMissing {
		return // it was lifted meanwhile, or is gone again and will be told then
	}
	now := time.Now()
	a.ends.began(b, now)
	a.log.Warn("blocked, later than decided: the kernel did not take it at first", "tuple", b.Tuple.String(), "id", b.ID)
	e := history.Event{
		Time: now, Kind: history.KindBlock, Text: fmt.Sprintf("%s is blocked now: the kernel did not take it at first", b.Tuple),
		Block: &history.Block{Block: b, Since: now.UTC(), Until: late.Until.UTC(), DryRun: a.enforcer.DryRun()},
	}
	if g, ok := a.grounds.of(b); ok {
		e.By, e.Decision, e.Detection = g.by, &g.decision, g.detection
	}
	a.events.tell(e)
}

// tellLift tells the end of a block; by is nil where no person asked for it.
func (a *Agent) tellLift(b policy.Block, since, until time.Time, end history.End, why string, by *history.Who) {
	a.grounds.end(b)
	a.ends.note(b, end)
	dry := a.enforcer.DryRun()
	a.log.Info("block ended", "tuple", b.Tuple.String(), "reason", why, "id", b.ID, "dry_run", dry)
	a.events.tell(history.Event{
		Kind: history.KindLift, By: by,
		Text:  fmt.Sprintf("%s is not blocked any more: %s", b.Tuple, why),
		Block: &history.Block{Block: b, Since: since.UTC(), Until: until.UTC(), DryRun: dry, End: end},
	})
}

// sumUp tells at the end what was read and done. What was lost is a warning.
func (a *Agent) sumUp() {
	for _, source := range a.sources {
		s := source.Stats()
		log := a.log.Debug
		never := s.State == argusfeed.StateStopped && s.LastHeard.IsZero() && s.Error != ""
		if never || s.Dropped > 0 || s.Lost > 0 || s.Gaps > 0 || s.Joined.Forced > 0 {
			log = a.log.Warn
		}
		log("source ended", "source", s.URL, "state", string(s.State), "flows", s.Flows, "skipped", s.Skipped,
			"dropped_flows", s.Dropped, "lost_packets", s.Lost, "restarts", s.Restarts,
			"gaps", s.Gaps, "away", s.Away.Round(time.Millisecond), "missed_flows", s.Missed,
			"merged_records", s.Joined.Merged, "stray_records", s.Joined.Strays, "forced_flows", s.Joined.Forced,
			"error", s.Error)
	}
	s := a.detector.Stats()
	decisions, blocks, failed := a.tally.sums()
	attrs := []any{
		slog.Uint64("flows", s.Flows), slog.Uint64("dropped", s.Dropped()+a.detecting.future), slog.Int("tuples", s.Tuples),
		slog.Uint64("detections", s.Detections), slog.Uint64("decisions", decisions),
		slog.Uint64("blocks", blocks), slog.Uint64("failed", failed),
	}
	a.log.Info("stopped", attrs...)
}
