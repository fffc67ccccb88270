package systemd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"slips-ips/agent/status"
	"slips-ips/argusfeed"
)

// reportEvery is how often the status line is made anew.
const reportEvery = 5 * time.Second

// Report keeps the line of `systemctl status` true until ctx ends. get must not
// wait for the pipeline.
func (n *Notifier) Report(ctx context.Context, get func() status.Status) {
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	for {
		line := Line(get())
		n.mu.Lock()
		n.line = line
		n.mu.Unlock()
		n.status()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// status sends the line where it has changed; what is stuck comes first.
func (n *Notifier) status() {
	n.telling.Lock() // so that the newest line is the last one sent
	defer n.telling.Unlock()
	n.mu.Lock()
	text := n.line
	if n.stuck != "" {
		text = "STUCK: " + n.stuck
		if n.line != "" {
			text += "; " + n.line
		}
	}
	text = oneLine(text)
	changed := text != n.sent
	n.sent = text
	n.mu.Unlock()
	if changed {
		n.tell("STATUS=" + text)
	}
}

// Line tells how the agent is in a line.
func Line(s status.Status) string {
	live, all := 0, 0
	for _, f := range s.Feeds {
		if f.Live {
			all++
			if f.State == argusfeed.StateLive {
				live++
			}
		}
	}
	parts := []string{fmt.Sprintf("%s: %.0f flows/s", s.Mode, s.Detection.FlowsPerSecond)}
	if all > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d feeds live", live, all))
	}
	blocks := plural(s.Enforce.Wanted, "block")
	if s.Enforce.DryRun {
		blocks = "would be " + blocks
	}
	if s.Enforce.Hindrance == status.HindranceMissing || s.Enforce.Hindrance == status.HindranceKernel && s.Enforce.Missing > 0 {
		blocks += fmt.Sprintf(", %d NOT IN THE KERNEL", s.Enforce.Missing)
	}
	parts = append(parts, blocks)
	if n := len(s.Problems); n > 0 {
		parts = append(parts, fmt.Sprintf("%s, the first: %s", plural(n, "problem"), s.Problems[0].What))
	}
	return strings.Join(parts, "; ")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// longestLine bounds the line, in bytes.
const longestLine = 500

// oneLine makes text safe for a state of sd_notify, where a line end begins
// another state.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > longestLine {
		text = strings.ToValidUTF8(text[:longestLine], "") + "..."
	}
	return text
}
