package web

import (
	"net/netip"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/argusfeed"
)

// How many events a page has, and how many are looked through for it: some filters
// are not the history's.
const (
	alertsPage = 50
	alertsLook = 500
	maxLooks   = 10
)

// The decisions that alerts can be filtered by.
const (
	decidedAny     = "any"
	decidedAlert   = "alert"
	decidedBlock   = "blocked"
	decidedDry     = "would-block"
	decidedFailed  = "failed"
	decidedLift    = "lifted"
	decidedRest    = "other"
	decidedAllKind = "everything"
)

var decidedAll = []string{decidedAny, decidedAlert, decidedBlock, decidedDry, decidedFailed, decidedLift, decidedRest, decidedAllKind}

var decidedNames = map[string]string{
	decidedAny: "any decision", decidedAlert: "alert only", decidedBlock: "blocked", decidedDry: "would block (dry-run)",
	decidedFailed: "should be blocked and is not", decidedLift: "lifted", decidedRest: "no decision: feeds, changes, the agent", decidedAllKind: "everything",
}

type alertsBody struct {
	Since, Until, Label, Host, Source, Decision string
	Decisions                                   []string
	Events                                      []history.Event
	Looked                                      int // events that were looked through in vain, where the page is not full
	pager
}

func (r *request) alerts() (answer, error) {
	f := fields{values: r.URL.Query()}
	now := r.p.now()
	b := alertsBody{Since: f.text("since"), Until: f.text("until"), Label: f.glob("label"), Host: f.host("host"), Source: f.host("source"),
		Decision: f.oneOf("decision", decidedAll...), Decisions: decidedAll}
	q := history.Query{Since: f.moment("since", now), Until: f.moment("until", now), Label: b.Label, Host: b.Host, After: f.text("after"), Limit: alertsPage}
	if f.err != nil {
		return answer{}, f.err
	}
	wants := func(*history.Event) bool { return true }
	switch b.Decision {
	case decidedAny:
		q.Kinds = []history.Kind{history.KindAlert, history.KindBlock, history.KindLift}
	case decidedAlert:
		q.Kinds = []history.Kind{history.KindAlert}
	case decidedBlock:
		q.Kinds = []history.Kind{history.KindBlock}
		wants = func(e *history.Event) bool { return e.Error == "" && (e.Block == nil || !e.Block.DryRun) }
	case decidedDry:
		q.Kinds = []history.Kind{history.KindBlock}
		wants = func(e *history.Event) bool { return e.Block != nil && e.Block.DryRun }
	case decidedFailed:
		q.Kinds = []history.Kind{history.KindBlock}
		wants = func(e *history.Event) bool { return e.Error != "" }
	case decidedLift:
		q.Kinds = []history.Kind{history.KindLift}
	case decidedRest:
		q.Kinds = []history.Kind{history.KindChange, history.KindAgent, history.KindFeed}
	}
	if b.Source != "" {
		network, _ := control.ParseNetwork(b.Source) // checked above
		if q.Host == "" {
			q.Host = b.Source
		}
		of := wants
		wants = func(e *history.Event) bool { return of(e) && fromSource(e, network) }
	}
	next, err := r.look(q, wants, &b)
	if err != nil {
		return answer{}, err
	}
	if next != "" {
		b.After = with(r.URL, "after", next)
	}
	if q.After != "" {
		b.Before = with(r.URL, "after", "")
	}
	return answer{name: "alerts", title: "Alerts", section: "alerts", refresh: q.After == "", body: b}, nil
}

// look fills a page with the events that are wanted, and gives where the next begins.
func (r *request) look(q history.Query, wants func(*history.Event) bool, b *alertsBody) (next string, err error) {
	for range maxLooks {
		page, err := r.p.agent.Events(r.Context(), q)
		if err != nil {
			return "", err
		}
		for i := range page.Events {
			e := &page.Events[i]
			if !wants(e) {
				b.Looked++
				continue
			}
			if len(b.Events) == alertsPage {
				return b.Events[alertsPage-1].ID, nil
			}
			b.Events = append(b.Events, *e)
		}
		next = page.Next
		if next == "" || len(b.Events) == alertsPage {
			return next, nil
		}
		q.After, q.Limit = next, alertsLook
	}
	return next, nil
}

func fromSource(e *history.Event, network netip.Prefix) bool {
	t := tupleOf(e)
	if t == nil {
		return false
	}
	ip, ok := t.Src.IP()
	return ok && network.Contains(ip)
}

// tupleOf is what an event is about; nil: no tuple.
func tupleOf(e *history.Event) *argusfeed.Tuple {
	switch {
	case e.Decision != nil:
		return &e.Decision.Tuple
	case e.Block != nil:
		return &e.Block.Tuple
	case e.Detection != nil:
		return &e.Detection.Tuple
	}
	return nil
}

// labelOf is the label of what an event is about.
func labelOf(e history.Event) string {
	switch {
	case e.Decision != nil:
		return e.Decision.Label
	case e.Block != nil:
		return e.Block.Label
	}
	return ""
}

// whatOf says in a word what came of it.
func whatOf(e history.Event) string {
	switch {
	case e.Kind == history.KindBlock && e.Error != "":
		return "NOT blocked"
	case e.Kind == history.KindBlock && e.Block != nil && e.Block.DryRun:
		return "would block"
	case e.Kind == history.KindBlock && e.Decision != nil && e.Decision.Renewal:
		return "renewed"
	case e.Kind == history.KindBlock:
		return "blocked"
	case e.Kind == history.KindLift:
		return "lifted"
	}
	return string(e.Kind)
}

// reasonOf says why, or what happened.
func reasonOf(e history.Event) string {
	text := e.Text
	if e.Decision != nil && e.Decision.Reason != "" {
		text = e.Decision.Reason
	}
	if e.Error != "" {
		text += ": " + e.Error
	}
	return text
}
