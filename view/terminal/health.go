package terminal

import (
	"fmt"
	"strings"
	"time"

	"slips-ips/agent/numbers"
	"slips-ips/argusfeed"
)

// healthText tells how the agent is, and what drawing costs.
func (m *model) healthText() []line {
	t := &teller{width: m.width}
	s := &m.status
	if s.Started.IsZero() {
		return nil
	}
	if m.gone != nil {
		t.tell(red, "NO ANSWER", "%s; what follows is what it said last, at %s", m.gone, clock(s.Now, m.now))
	}
	for _, p := range s.Problems {
		l := problem(p)
		for i, text := range wrap(textOf(l[1:]), m.width-explainNames) {
			begin := line{{style: l[0].style, text: l[0].text}, {style: base, text: strings.Repeat(" ", explainNames-len(l[0].text))}}
			if i > 0 {
				begin = words(base, strings.Repeat(" ", explainNames))
			}
			begin.add(base, strings.TrimPrefix(text, " "))
			t.lines = append(t.lines, begin)
		}
	}
	if len(s.Problems) == 0 {
		t.lines = append(t.lines, words(green, "all is well"))
	}
	t.heading("feeds")
	for i := range s.Feeds {
		f := &s.Feeds[i]
		style := red
		if f.State == argusfeed.StateLive || f.State == argusfeed.StateEnded {
			style = green
		}
		lag := ""
		if f.LastFlow != 0 {
			lag = ", lag " + numbers.Duration(f.Lag.Round(100*time.Millisecond))
		}
		t.tell(style, string(f.State), "%s: %s flows/s, %s flows%s,%s", f.URL, numbers.Rate(f.FlowsPerSecond), numbers.Grouped(f.Flows), lag, m.lasted(f.Since))
		if f.Gaps+f.Missed+f.Dropped+f.Restarts > 0 {
			t.tell(base, "", "%s (%s away), %s flows missed, %s dropped, %s", numbers.Count(f.Gaps, "gap", "gaps"), numbers.Left(f.Away), numbers.Grouped(f.Missed), numbers.Grouped(f.Dropped), numbers.Count(f.Restarts, "restart", "restarts"))
		}
		if f.Error != "" {
			t.tell(base, "", "%s", f.Error)
		}
	}
	t.heading("budgets")
	for _, b := range m.budgets() {
		t.tell(b.style(), b.name, "%s %3d%%  %s of %s (%s)", bar(b.share(), 20), b.share(), numbers.Grouped(b.used), numbers.Grouped(b.most), b.key)
	}
	t.heading("blocks")
	e := &s.Enforce
	if m.off() {
		t.tell(base, "off", "nothing is decided or blocked in this mode")
		m.restOfHealth(t)
		return t.lines
	}
	if e.DryRun {
		t.tell(base, "dry-run", "%d would be in force", e.Wanted)
	} else {
		t.tell(base, "kernel", "%d wanted, %d enforced, %d missing; compared %s", e.Wanted, e.Enforced, e.Missing, m.since(e.Checked))
	}
	t.tell(base, "", "applied %d, renewed %d, lifted %d, ran out %d, refused %d, failed %d, table rebuilt %d",
		e.Applied, e.Renewed, e.Lifted, e.Expired, e.Refused, e.Failed, e.Rebuilds)
	if e.Error != "" {
		t.tell(red, "", "%s", e.Error)
	}
	m.restOfHealth(t)
	return t.lines
}

// restOfHealth tells what is looked at less often.
func (m *model) restOfHealth(t *teller) {
	s := &m.status
	t.heading("the rest")
	d := &s.Detection
	t.tell(base, "detection", "%s with %s; %s flows, %s", d.Scoring, numbers.Count(d.Models, "model", "models"), numbers.Grouped(d.Flows), numbers.Count(d.Detections, "detection", "detections"))
	h := &s.History
	if h.Path == "" {
		t.tell(base, "history", "none is kept")
	} else {
		t.tell(base, "history", "%s events in %s, %s", numbers.Grouped(h.Events), numbers.Size(h.Size), h.Path)
	}
	for _, o := range s.Outputs {
		style, failing := base, ""
		if !o.Failing.IsZero() {
			style, failing = red, "; failing"+m.lasted(o.Failing)+": "+o.Error
		}
		t.tell(style, o.Name, "%s: %s sent, %s dropped, %d waiting%s", o.To, numbers.Grouped(o.Sent), numbers.Grouped(o.Dropped), o.Waiting, failing)
	}
	path := s.Config.Path
	if path == "" {
		path = "the defaults"
	}
	t.tell(base, "config", "%s, read %s", path, m.since(s.Config.Loaded))
	t.tell(base, "agent", "process %d, up %s, %s in memory", s.PID, numbers.Left(m.now.Sub(s.Started)), numbers.Size(s.Memory.Resident))
	limit := "no limit"
	if m.pace.rate > 0 {
		limit = fmt.Sprintf("at most %s", numbers.Grouped(m.pace.rate))
	}
	t.tell(base, "this view", "drawn every %s (+ and -), %s bytes a second of late, %s bytes in all; %s a second (--rate)",
		m.pace.every, numbers.Grouped(int(m.pace.second)), numbers.Grouped(m.written()), limit)
	if len(s.Errors) > 0 {
		t.heading("newest warnings and errors")
	}
	for _, e := range s.Errors {
		t.tell(base, clock(e.Time, m.now), "%s %s (%d times)", e.Level, e.Text, e.Count)
	}
}

func (t *teller) heading(s string) {
	t.lines = append(t.lines, line{}, words(bold, s))
}

// lasted tells for how long something is so; nothing where that is not known.
func (m *model) lasted(since time.Time) string {
	if since.IsZero() {
		return ""
	}
	return " for " + numbers.Left(m.now.Sub(since))
}

// bar draws a share in percent.
func bar(share, width int) string {
	n := max(0, min(width, share*width/100))
	if share > 0 && n == 0 {
		n = 1
	}
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", width-n) + "]"
}
