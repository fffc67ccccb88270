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

// ownStyle keeps columns as wide as their longest word, and tuples and times in two
// lines where that is all the room there is.
const ownStyle = `.scroll th,.scroll td{overflow-wrap:break-word}.scroll td time{white-space:normal}
.scroll td>a.mono{white-space:normal;display:inline-block;min-height:24px}
.scroll td:has(time){min-width:6.5em}.scroll td.label{min-width:13em;max-width:26em}
`

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
	Style  template.CSS
	Policy string // that of the content
	Found  []found
	Tuples int
	Listed int
	// Blocks counts the decisions to block, TuplesBlocked the tuples that they are of.
	Blocks, TuplesBlocked int
	Alerted               int
	Differs               []whatif.Difference
	MoreDiffers           int
}

// found is a detected tuple.
type found struct {
	agent.DetectedTuple
	// Decision is the strongest on it: of blocks the first, which is when it would have
	// begun, of others the newest, which knows most.
	Decision *policy.Decision
	Pictures []template.HTML
}

// Write writes a report.
func Write(w io.Writer, r *agent.ReplayReport, about About) error {
	t, err := template.New("report").Funcs(web.Functions()).Parse(text)
	if err != nil {
		return fmt.Errorf("reading the embedded template of reports: %w", err)
	}
	style := web.Style() + picture.Style + ownStyle
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
	blocked := map[argusfeed.Tuple]bool{}
	for _, d := range r.Decisions {
		switch d.Action {
		case policy.ActionBlock:
			b.Blocks++
			blocked[d.Tuple] = true
		case policy.ActionAlert:
			b.Alerted++
		}
	}
	b.TuplesBlocked = len(blocked)
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
		d := &r.Decisions[i]
		if have := strongest[d.Tuple]; rank(d) > rank(have) || rank(d) == rank(have) && d.Action != policy.ActionBlock {
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
