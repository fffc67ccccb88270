package main

import (
	"fmt"
	"io"
	"strings"

	"slips-ips/agent/history"
	"slips-ips/agent/numbers"
	"slips-ips/agent/report"
)

// eventPrinter prints events for people, a line each.
type eventPrinter struct {
	w     io.Writer
	ids   bool
	width int
	paint painter
}

func newEventPrinter(std streams, ids bool) *eventPrinter {
	width, _ := terminalSize(std.out)
	return &eventPrinter{w: std.out, ids: ids, width: width, paint: painter(colourWanted(std.out))}
}

// print writes the events in their order.
func (p *eventPrinter) print(events ...history.Event) error {
	var b strings.Builder
	for i := range events {
		p.line(&b, &events[i])
		if b.Len() > 64<<10 || i == len(events)-1 {
			if _, err := io.WriteString(p.w, b.String()); err != nil {
				return err
			}
			b.Reset()
		}
	}
	return nil
}

func (p *eventPrinter) line(b *strings.Builder, e *history.Event) {
	kind, colour := string(e.Kind), ""
	switch {
	case e.Error != "":
		colour = red
	case e.Kind == history.KindBlock:
		colour = red
	case e.Kind == history.KindAlert:
		colour = yellow
	}
	if e.ID == "" {
		kind = "lost"
	}
	begin := localTime(e.Time)
	if e.Time.IsZero() {
		begin = strings.Repeat(" ", len("2006-01-02 15:04:05"))
	}
	if p.ids {
		begin = fmt.Sprintf("%-36s  %s", e.ID, begin)
	}
	rest := report.Plain(eventText(e))
	if p.width > 0 {
		rest = cut(rest, max(p.width-len(begin)-10, 40), false)
	}
	fmt.Fprintf(b, "%s  %s  %s\n", begin, p.paint.paint(colour, fmt.Sprintf("%-6s", kind)), rest)
}

// eventText tells an event in a line.
func eventText(e *history.Event) string {
	d := e.Decision
	if d == nil || e.Kind != history.KindAlert && e.Kind != history.KindBlock {
		return withError(e.Text, e.Error)
	}
	text := fmt.Sprintf("%s  %s  %.4g", d.Tuple, d.Label, d.Score)
	switch {
	case e.Kind == history.KindAlert:
		text += fmt.Sprintf("  %s/%s", d.Rule, d.Cause)
	case e.Block != nil && e.Block.DryRun:
		text += "  would be blocked for " + numbers.Duration(d.Duration)
	case e.Error != "":
		text += "  NOT blocked"
	case d.Renewal:
		text += "  renewed for " + numbers.Duration(d.Duration)
	default:
		text += "  blocked for " + numbers.Duration(d.Duration)
	}
	if e.By != nil {
		text += " by " + e.By.Words()
	}
	return withError(text, e.Error)
}

func withError(text, failed string) string {
	if failed == "" {
		return text
	}
	return text + ": " + failed
}
