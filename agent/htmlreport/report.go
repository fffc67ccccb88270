package htmlreport

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"slips-ips/agent"
	"slips-ips/agent/picture"
	"slips-ips/agent/web"
	"slips-ips/agent/whatif"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

//go:embed report.html
var text string

// Bounds of a report: what is beyond them is only counted.
const (
	maxPictured = 50
	maxListed   = 2000
)

// About says what a report is of.
type About struct {
	Version string
	Files   []string
	Config  string // the slips.toml, empty for the defaults
	Other   string // that of the other policy, empty where there is none
	Made    time.Time
}

// body is what the template shows.
type body struct {
	About
	*agent.ReplayReport
	Style       template.CSS
	Policy      string // that of the content
	Found       []found
	Tuples      int
	Listed      int
	Blocked     []policy.Decision
	Alerted     int
	MoreBlocked int
	Differs     []whatif.Difference
	MoreDiffers int
}

// found is a detected tuple.
type found struct {
	agent.DetectedTuple
	// Action is the strongest decision on it, Decision the first such one.
	Decision *policy.Decision
	Pictures []template.HTML
}

// Write writes a report.
func Write(w io.Writer, r *agent.ReplayReport, about About) error {
	t, err := template.New("report").Funcs(web.Functions()).Parse(text)
	if err != nil {
		return fmt.Errorf("reading the embedded template of reports: %w", err)
	}
	style := web.Style() + picture.Style
	sum := sha256.Sum256([]byte(style))
	b := body{About: about, ReplayReport: r, Style: template.CSS(style), Tuples: r.Tuples,
		Policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"}
	b.decisions(r)
	b.Found = findings(r)
	b.Listed = min(len(b.Found), maxListed)
	b.Found = b.Found[:b.Listed]
	b.Differs = r.Differences[:min(len(r.Differences), maxListed)]
	b.MoreDiffers = len(r.Differences) - len(b.Differs)
	if err := t.Execute(w, b); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

func (b *body) decisions(r *agent.ReplayReport) {
	for _, d := range r.Decisions {
		switch d.Action {
		case policy.ActionBlock:
			if len(b.Blocked) == maxListed {
				b.MoreBlocked++
				continue
			}
			b.Blocked = append(b.Blocked, d)
		case policy.ActionAlert:
			b.Alerted++
		}
	}
}

// findings puts what would have been blocked first, then what is most suspicious.
func findings(r *agent.ReplayReport) []found {
	strongest := map[argusfeed.Tuple]*policy.Decision{}
	rank := func(d *policy.Decision) int {
		if d == nil {
			return 0
		}
		return 1 + slices.Index([]policy.Action{policy.ActionIgnore, policy.ActionAlert, policy.ActionBlock}, d.Action)
	}
	for i := range r.Decisions {
		if d := &r.Decisions[i]; rank(d) > rank(strongest[d.Tuple]) {
			strongest[d.Tuple] = d
		}
	}
	all := make([]found, 0, len(r.Detections))
	for _, t := range r.Detections {
		all = append(all, found{DetectedTuple: t, Decision: strongest[t.Tuple]})
	}
	slices.SortStableFunc(all, func(x, y found) int {
		return cmp.Or(rank(y.Decision)-rank(x.Decision), cmp.Compare(y.Count, x.Count))
	})
	for i := range all[:min(len(all), maxPictured)] {
		all[i].Pictures = pictures(&all[i].DetectedTuple)
	}
	return all
}

func pictures(t *agent.DetectedTuple) []template.HTML {
	var all []template.HTML
	add := func(p *picture.Picture) {
		if p != nil {
			all = append(all, p.Inline())
		}
	}
	add(picture.Letters(t.Letters, false))
	if e := t.Evidence; e != nil {
		contacts := web.Contacts(e.Contacts)
		add(picture.Contacts(contacts))
		add(picture.Gaps(contacts))
		add(picture.Sizes(contacts))
		var scores []picture.Score
		for _, s := range e.Scores {
			scores = append(scores, picture.Score{Time: s.Time.Time().Local(), Value: s.Score})
		}
		add(picture.Scores(scores, t.Threshold, e.Scorer == string(detection.ScoringReference)))
	}
	return all
}
