package policy

import (
	"fmt"
	"time"
	"unicode/utf8"

	"slips-ips/argusfeed"
)

// RuleByHand is the rule named in decisions that a person made.
const RuleByHand = "by hand"

// LabelByHand is the label of blocks that a person asked for.
const LabelByHand = "By-Hand"

// Limits of what a person may say with a request, in characters.
const (
	MaxName    = 64
	MaxComment = 200
)

// HandRequest is a block that a person asks for.
type HandRequest struct {
	Tuple argusfeed.Tuple
	// Scope is how much of the tuple's traffic; empty: the tuple. Verdict is empty
	// where that of [enforce] counts.
	Scope   Scope
	Verdict Verdict
	// Duration is how long it is to last; 0: as long as [policy] says.
	Duration time.Duration
	// By names the person, Comment says what for; both may be empty.
	By, Comment string
	// Force overrides max_blocks, and the entries that the admin allows
	// (KindAllow). Nothing else can be overridden: what this host and its clients
	// live on is never blocked.
	Force bool
}

// ByHand answers a person. The guards are those of Decide that are not about
// detections: the kernel must be able to match what the scope covers, no end of it
// may be protected, and there must be room. A block in force is renewed where it would
// end sooner than what is asked for, and never made shorter. View.Evidence is not
// used.
//
// Where the answer is no block its action is alert, as elsewhere, and its reason
// says what is against it and whether Force would help.
func (e *Engine) ByHand(r HandRequest, v View) Decision {
	dec := Decision{
		ID: v.ID, Time: v.Now, Tuple: r.Tuple, Rule: RuleByHand, Label: LabelByHand, Since: v.Now,
		Confirmed: true, // as far as it takes
	}
	duration := r.Duration
	if duration == 0 {
		duration = e.rules[len(e.rules)-1].duration
	}
	if r.Scope == "" {
		r.Scope = ScopeTuple
	}
	var against string
	dec.Cause, dec.Renewal, against = e.judgeHand(r, v, duration)
	who := "somebody"
	if r.By != "" {
		who = quoted(shorten(r.By, MaxName))
	}
	dec.Reason = "asked for by " + who
	if r.Comment != "" {
		dec.Reason += " (" + quoted(shorten(r.Comment, MaxComment)) + ")"
	}
	if against != "" {
		dec.Action = ActionAlert
		dec.Reason += "; not blocked: " + against
		return dec
	}
	dec.Action, dec.Scope, dec.Verdict, dec.Duration = ActionBlock, r.Scope, r.Verdict, duration
	switch {
	case dec.Renewal:
		dec.Reason += "; renewed for "
	default:
		dec.Reason += "; blocked for "
	}
	dec.Reason += shortDuration(duration)
	if r.Scope != ScopeTuple {
		dec.Reason += ", scope " + string(r.Scope)
	}
	if r.Verdict != "" {
		dec.Reason += ", verdict " + string(r.Verdict)
	}
	if dec.Cause == CauseForced {
		why, _ := v.Protected.Refuses(r.Tuple, r.Scope)
		dec.Reason += ", by force although " + why
	}
	return dec
}

// judgeHand asks the guards; against is empty where none is against it.
func (e *Engine) judgeHand(r HandRequest, v View, duration time.Duration) (cause Cause, renewal bool, against string) {
	if err := r.check(duration); err != nil {
		return CauseInvalid, false, err.Error()
	}
	if why := UnblockableAs(r.Tuple, r.Scope); why != "" {
		return CauseUnblockable, false, why
	}
	if why, refused := v.Protected.RefusesForced(r.Tuple, r.Scope); refused {
		return CauseProtected, false, why
	}
	cause = CauseByHand
	if why, refused := v.Protected.Refuses(r.Tuple, r.Scope); refused {
		if !r.Force {
			return CauseProtected, false, why + " unless that is overridden by force"
		}
		cause = CauseForced
	}
	if v.Paused != "" {
		return CausePaused, false, v.Paused
	}
	if left := v.InForce.Until.Sub(v.Now); v.InForce != (InForce{}) && left > 0 && v.InForce.Scope.covers(r.Scope) {
		if left >= duration {
			return CauseInForce, false, fmt.Sprintf("already blocked until %s, which is no sooner than asked for; lift that block first to shorten it",
				v.InForce.Until.Time().Format(timeLayout))
		}
		if v.InForce.Scope == r.Scope || v.InForce.Scope == "" && r.Scope == ScopeTuple {
			return cause, true, ""
		}
	}
	if v.BlocksInForce >= e.maxBlocks && !r.Force {
		return CauseMaxBlocks, false, fmt.Sprintf("%d blocks are in force and at most %d may be (max_blocks), unless that is overridden by force",
			v.BlocksInForce, e.maxBlocks)
	}
	return cause, false, ""
}

// check tells what is wrong with the request itself.
func (r HandRequest) check(duration time.Duration) error {
	if err := checkDuration(Duration(duration)); err != nil {
		return fmt.Errorf("duration: %w", err)
	}
	if err := r.Scope.check(); err != nil {
		return fmt.Errorf("scope: %w", err)
	}
	if err := r.Verdict.check(); err != nil {
		return fmt.Errorf("verdict: %w", err)
	}
	for _, text := range []struct {
		what, text string
		most       int
	}{{"name", r.By, MaxName}, {"comment", r.Comment, MaxComment}} {
		if n := utf8.RuneCountInString(text.text); n > text.most {
			return fmt.Errorf("%s: %d characters are too many; use at most %d", text.what, n, text.most)
		}
	}
	return nil
}

// shorten keeps the beginning of a text.
func shorten(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
