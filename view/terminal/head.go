package terminal

import (
	"fmt"
	"slices"
	"time"

	"slips-ips/agent/numbers"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
)

// head gives the lines above the views, and the views.
func (m *model) head() []line {
	return []line{m.titleLine(), m.problemLine(), m.loadLine(), m.tabsLine()}
}

// titleLine says what runs and what is blocked.
func (m *model) titleLine() line {
	l := words(bold, "slips-ips ")
	if m.status.Started.IsZero() {
		l.add(faint, "asking the agent ...")
		return l
	}
	l.add(base, plain(m.status.Version)+"  ")
	e := &m.status.Enforce
	switch {
	case m.off():
		l.add(yellowBold, "DETECT-OFF")
		l.add(base, "  nothing is detected or blocked")
	case e.Hindrance == status.HindrancePaused:
		l.add(alarm, "PAUSED")
		l.add(base, "  nothing is blocked, by "+plain(e.PausedBy)+" (slips-ips resume)")
	case e.DryRun:
		l.add(yellowBold, "DRY-RUN")
		l.add(base, "  nothing is blocked; ")
		l.add(bold, numbers.Grouped(e.Wanted))
		l.add(base, " would be")
	default:
		l.add(bold, "ENFORCE")
		l.add(base, "  ")
		style := bold
		if e.Enforced > 0 {
			style = redBold
		}
		l.add(style, numbers.Grouped(e.Enforced)+" blocked")
		if e.Missing > 0 && e.Hindrance != "" { // else they are just being made
			l.add(base, ", ")
			l.add(alarm, numbers.Grouped(e.Missing)+" MISSING")
		}
	}
	right := m.now.Local().Format(time.TimeOnly)
	if m.gone != nil || !m.waits.IsZero() {
		right = "as of " + clock(m.status.Now, m.now)
	}
	if m.you != nil && !m.you.Change {
		right = "look on only  " + right
	}
	if h := e.Hits; h != nil && h.Packets > 0 {
		word := "stopped"
		if e.DryRun {
			word = "would be stopped"
		}
		hits := fmt.Sprintf(", %s %s", numbers.Count(h.Packets, "packet", "packets"), word)
		if l.width()+len(hits)+1+len(right) <= m.width {
			l.add(base, hits)
		}
	}
	if pad := m.width - l.width() - len(right); pad > 0 {
		l.add(base, fmt.Sprintf("%*s", pad, ""))
		l.add(faint, right)
	}
	return l
}

// off tells that nothing is decided, so that there is nothing to block or to lift.
func (m *model) off() bool { return m.status.Mode == "detect-off" }

// problemLine says what is wrong, the worst first.
func (m *model) problemLine() line {
	switch p := m.status.Problems; {
	case m.gone != nil:
		l := words(alarm, "NO ANSWER since "+clock(m.goneSince, m.now))
		l.add(red, " "+plain(m.gone.Error()))
		return l
	case !m.waits.IsZero():
		l := words(yellowBold, "WAITING since "+clock(m.waits, m.now))
		l.add(base, " for the agent: shown is what it said before")
		return l
	case m.status.Started.IsZero():
		return line{}
	case len(p) == 0:
		return words(green, "all is well")
	default:
		more := ""
		if len(p) > 1 {
			more = fmt.Sprintf(" (5: %d more)", len(p)-1)
		}
		l := problem(p[0])
		text := cut(textOf(l[1:]), max(8, m.width-widthOf(l[0].text)-len(more)))
		return append(l[:1], part{style: l[1].style, text: text}, part{style: faint, text: more})
	}
}

// problem tells one thing that is wrong: how bad, then what.
func problem(p status.Problem) line {
	style, word := yellowBold, "WARNING"
	if p.Severity == status.Critical {
		style, word = alarm, "CRITICAL"
	}
	return line{{style: style, text: word}, {style: base, text: " " + plain(p.Area+": "+p.What)}}
}

// loadLine tells how the feeds are and how much of what is limited is used.
func (m *model) loadLine() line {
	var l line
	if m.status.Started.IsZero() {
		return l
	}
	live, wanted := 0, 0
	var lag time.Duration
	for i := range m.status.Feeds {
		f := &m.status.Feeds[i]
		wanted++
		if f.State == argusfeed.StateLive || f.State == argusfeed.StateEnded {
			live++
		}
		if f.LastFlow != 0 {
			lag = max(lag, f.Lag)
		}
	}
	style := green
	if live < wanted {
		style = redBold
	}
	l.add(base, "feeds ")
	l.add(style, fmt.Sprintf("%d of %d live", live, wanted))
	l.add(base, fmt.Sprintf("  %s flows/s", numbers.Rate(m.status.Detection.FlowsPerSecond)))
	for _, b := range m.budgets() {
		use := words(base, "  "+b.name+" ")
		use.add(b.style(), b.short())
		if l.width()+use.width() <= m.width {
			l = append(l, use...)
		}
	}
	return l
}

// budget is something that has a limit.
type budget struct {
	name       string
	used, most int
	key        string // of slips.toml
}

func (m *model) budgets() []budget {
	p, d := &m.status.Policy, &m.status.Detection
	all := []budget{
		{"blocks", p.Blocks, p.MaxBlocks, "policy.max_blocks"},
		{"tuples", d.Tuples, d.MaxTuples, "detection.max_tuples"},
		{"matched", p.Tracked, p.MaxTracked, "policy.max_tuples"},
	}
	// In detect-off there is no policy, and nothing of it to use up.
	return slices.DeleteFunc(all, func(b budget) bool { return b.most == 0 })
}

// share is how much is used, in percent.
func (b budget) share() int {
	return int(int64(b.used) * 100 / int64(b.most))
}

func (b budget) short() string {
	return fmt.Sprintf("%s/%s", numbers.Grouped(b.used), numbers.Grouped(b.most))
}

func (b budget) style() look {
	switch s := b.share(); {
	case s >= 100:
		return redBold
	case s >= 90:
		return yellowBold
	}
	return base
}

// tabsLine names the views, and what the list leaves out.
func (m *model) tabsLine() line {
	counts := [views]int{viewBlocks: m.status.Enforce.Wanted, viewAlerts: -1, viewTuples: m.status.Detection.Tuples, viewAllowed: m.status.Policy.Allowed,
		viewHealth: len(m.status.Problems)}
	filtered := m.filter.text != "" && m.view < viewAllowed
	var l line
	for v := range views {
		text := fmt.Sprintf(" %d %s ", v+1, v.name())
		if n := counts[v]; n > 0 && m.width >= 70 && (!filtered || m.width >= wideScreen) {
			text = fmt.Sprintf(" %d %s %s ", v+1, v.name(), numbers.Grouped(n))
		}
		style := faint
		if v == m.view {
			style = look{reverse: true, bold: true}
		}
		l.add(style, text)
	}
	var what string
	switch {
	case m.view == viewTuples && m.only[viewTuples]:
		what = "detected, by " + string(m.sort)
	case m.view == viewTuples:
		what = "by " + string(m.sort)
	case m.view == viewAlerts && !m.only[viewAlerts]:
		what = "all events"
	}
	if filtered {
		only := "only " + m.filter.text + " (esc: all)"
		if out := m.filter.leftOut(m.view); out != "" {
			only = "here NOT by " + out + "; " + only
		}
		if what != "" && m.width >= wideScreen {
			only += ", " + what
		}
		what = only
	}
	if room := m.width - l.width() - 2; room > 4 && what != "" {
		what = cut(plain(what), room)
		l.add(base, fmt.Sprintf("%*s", m.width-l.width()-widthOf(what), ""))
		style := faint
		if filtered {
			style = yellowBold // a list that leaves something out must say so
		}
		l.add(style, what)
	}
	return l
}
