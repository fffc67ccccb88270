package web

import (
	"errors"
	"fmt"

	"slips-ips/agent/control"
	"slips-ips/agent/whatif"
	"slips-ips/policy"
)

type policyBody struct {
	Configuration
	Since, Until string
	// Pasted is what is tried; at first that in force.
	Pasted string
	// Result is what came of it, nil where nothing was tried; Mistakes is what is
	// wrong with it.
	Result   *control.WhatIfResult
	Mistakes []control.Mistake
	Rows     []whatIfRow
	// Failed says why it was not tried.
	Failed string
}

// whatIfRow is a tuple that two policies treat differently.
type whatIfRow struct {
	whatif.Difference
	NowDoes, OtherDoes string
}

// maxRows is how many differences a page shows; the command line shows all.
const maxRows = 200

func (r *request) policy() (answer, error) {
	c, err := r.p.agent.Configuration(r.Context())
	if err != nil {
		return answer{}, err
	}
	return answer{name: "policy", title: "Policy", section: "policy", body: policyBody{Configuration: c, Since: "7d", Pasted: c.Text}}, nil
}

// whatIf runs a pasted configuration over the history. It changes nothing, and who may
// look on may try it.
func (r *request) whatIf() (answer, error) {
	f := fields{values: r.PostForm}
	now := r.p.now()
	b := policyBody{Since: f.text("since"), Until: f.text("until"), Pasted: r.PostForm.Get("config")}
	q := control.WhatIfRequest{Config: b.Pasted, Since: f.moment("since", now), Until: f.moment("until", now)}
	if !q.Until.IsZero() && !q.Since.Before(q.Until) {
		f.fail("since", "it is not before until")
	}
	var err error
	if b.Configuration, err = r.p.agent.Configuration(r.Context()); err != nil {
		return answer{}, err
	}
	if f.err != nil {
		return r.untried(b, f.err), nil
	}
	result, err := r.p.agent.WhatIf(r.Context(), q)
	var wrong *control.ConfigError
	switch {
	case errors.As(err, &wrong):
		b.Mistakes = wrong.Mistakes
	case err != nil:
		return r.untried(b, err), nil
	default:
		b.Result = &result
		for _, d := range result.Differences[:min(len(result.Differences), maxRows)] {
			b.Rows = append(b.Rows, whatIfRow{d, does(d.Now, d.NowBlocked), does(d.Other, d.OtherBlocked)})
		}
	}
	return answer{name: "policy", title: "Policy: what if", section: "policy", body: b}, nil
}

// untried says why a configuration was not tried, and keeps what was pasted.
func (r *request) untried(b policyBody, why error) answer {
	a := r.p.failed(r.Request, why)
	if said, ok := a.body.(failedBody); ok {
		b.Failed = said.Text
	}
	return answer{name: "policy", title: "Policy: what if", section: "policy", status: a.status, body: b}
}

// does says what a policy would have done with a tuple.
func does(d policy.Decision, b whatif.Blocked) string {
	switch d.Action {
	case policy.ActionBlock:
		text := fmt.Sprintf("block the %s for %s", d.Scope, policy.Duration(d.Duration))
		if b.Blocks > 1 {
			text = fmt.Sprintf("%d blocks of the %s, the first for %s", b.Blocks, d.Scope, policy.Duration(d.Duration))
		}
		return text + ", from " + when(b.First.Time())
	case "":
		return "nothing"
	}
	return string(d.Action)
}
