package agent

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// explainEvents is how many of a tuple's events an explanation has.
const explainEvents = 20

// Explain tells all that is known of a tuple, and what the agent does about it.
func (o operator) Explain(ctx context.Context, tuple argusfeed.Tuple) (control.Explanation, error) {
	e := control.Explanation{Tuple: tuple, Events: []history.Event{}}
	if err := ask(ctx, o.detecting.calls, func() {
		info, known := o.detector.Lookup(tuple, maxLettersTold)
		if !known {
			return
		}
		e.Known = &info
		if j, ok := o.detector.Explain(tuple); ok && o.cfg.Agent.Mode != ModeDetectOff {
			e.Judgement = &j
		}
	}); err != nil {
		return e, err
	}
	if h := o.kept.history; h != nil {
		page, err := h.Events(ctx, history.Query{Tuple: tuple.String(), Limit: explainEvents})
		if err != nil {
			o.log.Warn("explaining without the history", "error", err)
		}
		e.Events = append(e.Events, page.Events...)
	}
	if o.decider == nil {
		e.Verdict = "Nothing is detected or blocked: the agent runs in detect-off mode."
		return e, nil
	}
	e.Protected = o.protectedBy(tuple)
	if active, ok := o.enforcer.Lookup(tuple); ok {
		info := o.blockInfo(active)
		o.recall(ctx, &info)
		e.Block = &info
	}
	var err error
	var would *control.Ruling
	if e.Verdict, would, err = o.verdict(ctx, &e); err == nil {
		err = o.explainPolicy(ctx, &e, would)
	}
	if err == nil && e.Known == nil && e.Block == nil && len(e.Events) == 0 {
		return e, fmt.Errorf("%w: nothing is known of the tuple %s; `slips-ips tuples` lists those that are known", control.ErrNotFound, tuple)
	}
	return e, err
}

// maxLettersTold is how many letters an explanation has.
const maxLettersTold = 128

func (o operator) protectedBy(tuple argusfeed.Tuple) string {
	if why := policy.Unblockable(tuple); why != "" {
		return why
	}
	why, _ := o.hosts.snapshot().Refuses(tuple, policy.ScopeTuple)
	return why
}

// verdict says what the agent does about a tuple, or what is missing for a block.
func (o operator) verdict(ctx context.Context, e *control.Explanation) (verdict string, would *control.Ruling, err error) {
	mode := ""
	if o.enforcer.DryRun() {
		mode = " The agent runs in dry-run mode: it would, but drops nothing."
	}
	if b := e.Block; b != nil {
		return blockText(b), nil, nil
	}
	switch j := e.Judgement; {
	case e.Known == nil:
		return "Not blocked: no flow of it is remembered.", nil, nil
	case j == nil:
		return "Not blocked: it is not judged.", nil, nil
	case j.Missing != "":
		return "Not blocked: not detected yet: " + j.Missing + ".", nil, nil
	case !j.Malicious && j.Label != "":
		return fmt.Sprintf("Not blocked: not detected: it is most like %s (%s).", j.Label, scoreText(j)), nil, nil
	case !j.Malicious:
		return fmt.Sprintf("Not blocked: not detected: %s.", scoreText(j)), nil, nil
	}
	r, err := o.wouldDecide(ctx, e)
	if err != nil {
		return "", nil, err
	}
	d := r.Decision
	return fmt.Sprintf("Not blocked: another match like the newest would %s: %s.%s", verbOf(d.Action), d.Reason, mode), &r, nil
}

// blockText says what there is of a block: no more than the kernel has.
func blockText(b *control.BlockInfo) string {
	until := b.Until.Format(time.RFC3339)
	reason := cmp.Or(b.Reason, "the reason is not remembered")
	switch b.State {
	case enforce.StateWouldBlock:
		return fmt.Sprintf("Would be blocked until %s: %s. The agent runs in dry-run mode: it drops nothing.", until, reason)
	case enforce.StateMissing:
		return fmt.Sprintf("To be blocked until %s, but not in the kernel, so it passes: %s.", until, reason)
	}
	return fmt.Sprintf("Blocked until %s: %s.", until, reason)
}

func verbOf(a policy.Action) string {
	if a == policy.ActionBlock {
		return "be blocked"
	}
	return "only " + string(a)
}

func scoreText(j *detection.Explanation) string {
	if j.Scorer == string(detection.ScoringBehaviour) {
		return fmt.Sprintf("the probability of command and control is %.2f and must be %.2f", j.Score, j.Threshold)
	}
	return fmt.Sprintf("its distance to the nearest model is %.3f and must be at most %.3f", j.Score, j.Threshold)
}

// wouldDecide asks the policy about the tuple as it is now, and changes nothing.
func (o operator) wouldDecide(ctx context.Context, e *control.Explanation) (r control.Ruling, err error) {
	j := e.Judgement
	now := argusfeed.TimeOf(time.Now())
	d := detection.Detection{
		Tuple: e.Tuple, Label: j.Label, Scorer: j.Scorer, Score: j.Score, Threshold: j.Threshold,
		Letters: e.Known.Letters, Flows: e.Known.Flows, Time: e.Known.Last,
		Behaviour: j.Behaviour, Generic: j.Generic, Gap: j.Gap,
	}
	// What only a detection knows is as in the newest that was told.
	for _, event := range e.Events {
		if past := event.Detection; past != nil {
			d.Source, d.Normal = past.Source, past.Normal
			break
		}
	}
	err = ask(ctx, o.deciding, func() {
		o.decider.hearEnds()
		evidence := o.decider.tracker.Evidence(e.Tuple)
		if !slices.Contains(evidence.Times, d.Time) { // the newest flow was no match
			evidence.Times = append(evidence.Times, d.Time)
		}
		view := policy.View{
			Now: now, Evidence: evidence, Protected: o.hosts.snapshot(), BlocksInForce: o.enforcer.Len(),
			Home: o.hosts.home.Load(), Started: o.decider.startedAt(now), Paused: o.pause.words(), Feed: o.cfg.feedURL(d.Source),
			Spent: o.decider.ledger.Spent(e.Tuple, now), Offended: o.decider.offences.Of(e.Tuple),
		}
		view.InForce = inForce(o.enforcer.Covering(e.Tuple, o.decider.engine.Scope(d, view)))
		r.Decision = o.decider.engine.Decide(d, view)
		r.Missing = o.decider.engine.Missing(d, view, r.Decision)
	})
	return r, err
}
