package agent

import (
	"log/slog"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// tell logs a decision. A repeat of the one before is only counted.
func (a *Agent) tell(d policy.Decision, failed error) {
	a.decided++
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
	case failed != nil:
		a.failed++
		a.log.Error("not blocked", append(attrs, slog.String("error", failed.Error()))...)
	default:
		a.blocked++
		attrs = append(attrs, slog.String("ttl", d.Duration.Round(time.Second).String()))
		switch {
		case a.enforcer.DryRun():
			a.log.Info("would block", attrs...)
		case d.Renewal:
			a.log.Info("block renewed", attrs...)
		default:
			a.log.Warn("blocked", attrs...)
		}
	}
	if err := a.printer.Ring(); err != nil {
		a.log.Warn("the bell failed", "error", err)
	}
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
	attrs := []any{
		slog.Uint64("flows", s.Flows), slog.Uint64("dropped", s.Dropped()+a.future), slog.Int("tuples", s.Tuples),
		slog.Uint64("detections", s.Detections), slog.Uint64("decisions", a.decided),
		slog.Uint64("blocks", a.blocked), slog.Uint64("failed", a.failed),
	}
	a.log.Info("stopped", attrs...)
}
