package agent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
)

// WhatIf asks another policy, and the one in force, about what the history has. It
// runs on the goroutine of who asks, and asks no stage.
func (o operator) WhatIf(ctx context.Context, r control.WhatIfRequest) (control.WhatIfResult, error) {
	if o.hosts == nil {
		return control.WhatIfResult{}, errNotBlocking
	}
	if o.kept.history == nil {
		return control.WhatIfResult{}, errNoHistory
	}
	other, wrong := ParseConfig([]byte(r.Config))
	if len(wrong) > 0 {
		e := &control.ConfigError{}
		for _, m := range wrong {
			e.Mistakes = append(e.Mistakes, control.Mistake(m))
		}
		return control.WhatIfResult{}, e
	}
	if !o.trying.TryLock() {
		return control.WhatIfResult{}, fmt.Errorf("%w: somebody else asks what another policy would have done, and one is answered at a time, since there are flows to look at; try again", control.ErrBusy)
	}
	defer o.trying.Unlock()
	q := pastQuery{since: r.Since, until: r.Until, feed: o.cfg.feedURL, most: maxPastAgent}
	if q.until.IsZero() {
		q.until = time.Now()
	}
	if q.since.IsZero() {
		q.since = q.until.AddDate(0, 0, -control.WhatIfDays)
	}
	q.now.cfg, q.other.cfg = o.reload.config(), other
	q.other.cfg.Enforce, q.width = q.now.cfg.Enforce, q.now.cfg.Detection.Width
	q.protect(o.hosts)
	if err := q.open(); err != nil {
		return control.WhatIfResult{}, err
	}
	past, err := o.kept.history.Matched(ctx, q.from(), q.until)
	if err == nil {
		var result control.WhatIfResult
		if result, err = q.run(ctx, past); err == nil {
			return result, nil
		}
	}
	switch {
	case errors.Is(err, history.ErrTooMuch):
		err = fmt.Errorf("%w: %w", control.ErrInvalid, err)
	case errors.Is(err, history.ErrUnavailable) || errors.Is(err, history.ErrClosed):
		err = fmt.Errorf("%w: %w", control.ErrUnavailable, err)
	}
	return control.WhatIfResult{}, err
}
