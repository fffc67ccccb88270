package web

import (
	"errors"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/picture"
	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// tupleEvents is how many of a tuple's events its page shows and draws scores of.
const tupleEvents = 200

type tupleBody struct {
	control.Explanation
	Pictures []template.HTML
	// Missing says what is not drawn, and why.
	Missing []string
	Ends    []string // its addresses, for allowing
	// Decides tells whether anything could be done about it.
	Decides bool
	// NoEvents says why what happened is not known.
	NoEvents string
}

func (r *request) tuple() (answer, error) {
	f := fields{values: r.URL.Query()}
	text, id := f.text("tuple"), f.text("id")
	if f.err != nil {
		return answer{}, f.err
	}
	tuple, err := r.find(text, id)
	if err != nil {
		return answer{}, err
	}
	e, err := r.p.agent.Explain(r.Context(), tuple)
	if err != nil {
		return answer{}, err
	}
	b := tupleBody{Decides: r.decides()}
	page, err := r.p.agent.Events(r.Context(), history.Query{Tuple: tuple.String(), Limit: tupleEvents})
	if err != nil {
		b.NoEvents = errorText(err)
	} else {
		e.Events = page.Events
	}
	if e.Block != nil { // in the zone of all else here
		e.Verdict = strings.Replace(e.Verdict, e.Block.Until.Format(time.RFC3339), when(e.Block.Until), 1)
	}
	b.Explanation = e
	for _, end := range []argusfeed.Addr{tuple.Dst, tuple.Src} {
		if ip, ok := end.IP(); ok {
			b.Ends = append(b.Ends, ip.String())
		}
	}
	pictures, missing := Pictures(&e)
	for _, p := range pictures {
		b.Pictures = append(b.Pictures, p.Inline())
	}
	b.Missing = missing
	return answer{name: "tuple", title: plain(tuple.String()), section: "tuples", refresh: true, body: b}, nil
}

// find finds a tuple by its text, or what an ID of an event, decision or block is
// about.
func (r *request) find(text, id string) (argusfeed.Tuple, error) {
	if text != "" {
		t, err := argusfeed.FindTuple(text)
		switch {
		case errors.Is(err, argusfeed.ErrUnknownName):
			return t, fmt.Errorf("%w: %w", control.ErrNotFound, err)
		case err != nil:
			return t, fmt.Errorf("%w: %w", control.ErrInvalid, err)
		}
		return t, nil
	}
	if id == "" {
		return argusfeed.Tuple{}, fmt.Errorf("%w: give a tuple or an id", control.ErrInvalid)
	}
	page, err := r.p.agent.Events(r.Context(), history.Query{ID: id, Limit: 1})
	if err != nil {
		return argusfeed.Tuple{}, err
	}
	for _, e := range page.Events {
		switch {
		case e.Decision != nil:
			return e.Decision.Tuple, nil
		case e.Block != nil:
			return e.Block.Tuple, nil
		}
	}
	return argusfeed.Tuple{}, fmt.Errorf("%w: no event of a tuple has the id %q", control.ErrNotFound, id)
}

// Pictures draws what an explanation knows; missing says what is not drawn, and why.
func Pictures(e *control.Explanation) (all []*picture.Picture, missing []string) {
	add := func(p *picture.Picture, why string) {
		if p != nil {
			all = append(all, p)
		} else {
			missing = append(missing, why)
		}
	}
	if k := e.Known; k != nil {
		add(picture.Letters(k.Letters, k.Cut), "Its letters are not remembered.")
	} else {
		missing = append(missing, "Its letters are not remembered any more.")
	}
	var contacts []picture.Contact
	if e.Judgement != nil {
		contacts = Contacts(e.Judgement.Contacts)
	}
	add(picture.Contacts(contacts), "Contacts, gaps and sizes are not drawn: the agent remembers none of it (one that is never judged, or the scorer slips-0.3.3, which keeps letters alone).")
	if len(contacts) > 0 {
		add(picture.Gaps(contacts), "There are no gaps yet: it has had one contact.")
		add(picture.Sizes(contacts), "")
	}
	scores, threshold, scorer := scoresOf(e)
	add(picture.Scores(scores, threshold, scorer == string(detection.ScoringReference)), "It has no score yet.")
	return all, missing
}

// Contacts gives contacts as pictures take them.
func Contacts(list []detection.Contact) []picture.Contact {
	var all []picture.Contact
	for _, c := range list {
		all = append(all, picture.Contact{Start: c.Start.Time().Local(), Bytes: float64(c.Bytes)})
	}
	return all
}

// scoresOf gives the scores that were told of a tuple, and that of now.
func scoresOf(e *control.Explanation) (all []picture.Score, threshold float64, scorer string) {
	for _, event := range slices.Backward(e.Events) {
		if d := event.Detection; d != nil {
			all = append(all, picture.Score{Time: d.Time.Time().Local(), Value: d.Score})
			threshold, scorer = d.Threshold, d.Scorer
		}
	}
	if j := e.Judgement; j != nil && e.Known != nil && (j.Score != 0 || j.Label != "") {
		if j.Scorer != scorer {
			all = nil // told by another scorer, in another unit
		}
		all = append(all, picture.Score{Time: e.Known.Last.Time().Local(), Value: j.Score})
		threshold, scorer = j.Threshold, j.Scorer
	}
	slices.SortStableFunc(all, func(a, b picture.Score) int { return a.Time.Compare(b.Time) })
	return all, threshold, scorer
}
