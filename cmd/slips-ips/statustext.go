package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"slips-ips/agent/numbers"
	"slips-ips/agent/report"
	"slips-ips/agent/status"
)

// statusText writes a status for people: what is wrong first.
type statusText struct {
	b     strings.Builder
	now   time.Time
	width int
	paint painter
	err   error
}

func (t *statusText) all(st status.Status) {
	fmt.Fprintf(&t.b, "slips-ips %s, %s, up %s, process %d\n", report.Plain(st.Version), t.paint.paint(bold, st.Mode),
		numbers.Duration(st.Now.Sub(st.Started)), st.PID)
	for _, p := range st.Problems {
		colour := yellow
		if p.Severity == status.Critical {
			colour = red
		}
		fmt.Fprintf(&t.b, "%s %s: %s\n", t.paint.paint(colour, strings.ToUpper(string(p.Severity))), p.Area, report.Plain(p.What))
	}
	if len(st.Problems) == 0 {
		t.b.WriteString("all is well\n")
	}
	t.b.WriteByte('\n')
	t.config(st.Config)
	t.detection(&st)
	t.enforce(&st)
	t.history(st.History)
	if w := st.Web; w.Listen != "" {
		t.line("web page", "at %s, %d logged in; %s, %d refused; %s with a right token, %d with a wrong one", w.Listen, w.Sessions,
			numbers.Count(w.Requests, "request", "requests"), w.Refused, numbers.Count(w.Logins, "login", "logins"), w.FailedLogins)
	}
	t.line("memory", "%s, of it %s heap; %d goroutines%s", numbers.Size(st.Memory.Resident), numbers.Size(st.Memory.Heap), st.Memory.Goroutines, queuesText(st.Queues))
	t.feeds(st.Feeds)
	t.outputs(st.Outputs)
	t.errors(st.Errors)
}

// line writes a line that begins with a name.
func (t *statusText) line(name, format string, args ...any) {
	fmt.Fprintf(&t.b, "%-10s %s\n", name, report.Plain(fmt.Sprintf(format, args...)))
}

func (t *statusText) config(c status.Config) {
	path := c.Path
	if path == "" {
		path = "the defaults"
	}
	t.line("config", "%s, read %s, %s", path, localTime(c.Loaded), numbers.Count(c.Reloads, "reload", "reloads"))
	if c.Failed != "" {
		t.line("", "the last reload failed: %s", c.Failed)
	}
}

func (t *statusText) detection(st *status.Status) {
	d := &st.Detection
	t.line("detection", "%s flows (%s a second), %s, %s of at most %s tuples", numbers.Grouped(d.Flows), numbers.Rate(d.FlowsPerSecond),
		numbers.Count(d.Detections, "detection", "detections"), numbers.Grouped(d.Tuples), numbers.Grouped(d.MaxTuples))
	t.line("", "%s with %s; %s flows dropped, %s tuples evicted", d.Scoring, numbers.Count(d.Models, "model", "models"),
		numbers.Grouped(d.Dropped()+d.FutureFlows), numbers.Grouped(d.Evicted))
	p := &st.Policy
	var decisions []string
	for _, c := range p.Decisions {
		decisions = append(decisions, fmt.Sprintf("%s/%s %s", c.Action, c.Cause, numbers.Grouped(c.Count)))
	}
	if len(decisions) == 0 {
		decisions = []string{"none yet"}
	}
	t.line("decisions", "%s", strings.Join(decisions, ", "))
	t.line("never", "%d networks protected, %d allowed by hand", p.Protected, p.Allowed)
}

func (t *statusText) enforce(st *status.Status) {
	e, p := &st.Enforce, &st.Policy
	budget := fmt.Sprintf("%d of at most %d", p.Blocks, p.MaxBlocks)
	if e.DryRun {
		t.line("blocks", "dry-run: %d would be in force (%s)", e.Wanted, budget)
	} else {
		t.line("blocks", "%d wanted, %d enforced, %d missing (%s); compared %s", e.Wanted, e.Enforced, e.Missing, budget, numbers.Ago(e.Checked, t.now))
	}
	if !e.Differs.IsZero() {
		t.line("", "they differ since %s", localTime(e.Differs))
	}
	t.line("", "applied %d, renewed %d, lifted %d, ran out %d, refused %d, failed %d, table rebuilt %d",
		e.Applied, e.Renewed, e.Lifted, e.Expired, e.Refused, e.Failed, e.Rebuilds)
	if h := e.Hits; h != nil {
		word := "hit"
		if e.DryRun {
			word = "would have hit"
		}
		t.line("", "%s %s, %s", word, numbers.Count(h.Packets, "packet", "packets"), numbers.Size(h.Bytes))
	}
	if e.Error != "" {
		t.line("", "%s", e.Error)
	}
}

func (t *statusText) history(h status.History) {
	if h.Path == "" {
		t.line("history", "none is kept")
		return
	}
	t.line("history", "%s events in %s, since %s, %s", numbers.Grouped(h.Events), numbers.Size(h.Size), localTime(h.Oldest), h.Path)
	if h.Waiting > 0 || h.Lost > 0 {
		t.line("", "%d wait to be written, %d are lost", h.Waiting, h.Lost)
	}
	if !h.Failing.IsZero() {
		t.line("", "failing since %s: %s", localTime(h.Failing), h.Error)
	}
}

func (t *statusText) table(c *columns) {
	t.b.WriteByte('\n')
	if err := c.write(&t.b, t.width); err != nil {
		t.err = err
	}
}

func (t *statusText) feeds(feeds []status.Feed) {
	c := newColumns(column{name: "feed", fit: true}, column{name: "state"}, column{name: "since", extra: true}, column{name: "flows", right: true},
		column{name: "a second", right: true}, column{name: "lag", right: true}, column{name: "gaps", right: true, extra: true}, column{name: "away", right: true, extra: true},
		column{name: "missed", right: true}, column{name: "dropped", right: true}, column{name: "error", fit: true})
	for i := range feeds {
		f := &feeds[i]
		lag := ""
		if f.LastFlow != 0 {
			lag = numbers.Duration(f.Lag.Round(100 * time.Millisecond))
		}
		c.add(f.URL, string(f.State), numbers.Ago(f.Since, t.now), numbers.Grouped(f.Flows), numbers.Rate(f.FlowsPerSecond), lag,
			numbers.Grouped(f.Gaps), numbers.Duration(f.Away), numbers.Grouped(f.Missed), numbers.Grouped(f.Dropped), f.Error)
	}
	if len(feeds) > 0 {
		t.table(c)
	}
}

func (t *statusText) outputs(outputs []status.Output) {
	c := newColumns(column{name: "output"}, column{name: "to", fit: true}, column{name: "sent", right: true}, column{name: "retried", right: true, extra: true},
		column{name: "dropped", right: true}, column{name: "limited", right: true, extra: true}, column{name: "waiting", right: true}, column{name: "failing", fit: true})
	for _, o := range outputs {
		failing := ""
		if !o.Failing.IsZero() {
			failing = numbers.Ago(o.Failing, t.now) + ": " + o.Error
		}
		c.add(o.Name, o.To, numbers.Grouped(o.Sent), numbers.Grouped(o.Retried), numbers.Grouped(o.Dropped), numbers.Grouped(o.Limited), strconv.Itoa(o.Waiting), failing)
	}
	if len(outputs) > 0 {
		t.table(c)
	}
}

// maxErrors is how many of the last errors are shown; JSON has all.
const maxErrors = 5

func (t *statusText) errors(list []status.Error) {
	c := newColumns(column{name: "last errors"}, column{name: "level"}, column{name: "times", right: true}, column{name: "what", fit: true})
	for _, e := range list[:min(len(list), maxErrors)] {
		c.add(localTime(e.Time), e.Level, numbers.Grouped(e.Count), e.Text)
	}
	if len(list) > 0 {
		t.table(c)
	}
}

func queuesText(queues []status.Queue) string {
	text := ""
	for _, q := range queues {
		if q.Len > 0 {
			text += fmt.Sprintf("; %s %d/%d", q.Name, q.Len, q.Cap)
		}
	}
	if text != "" {
		text = "; queues:" + text[1:]
	}
	return text
}
