package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
	"slips-ips/agent/report"
	"slips-ips/agent/status"
)

// The exit codes of monitoring plugins.
const (
	checkOK       = 0
	checkWarning  = 1
	checkCritical = 2
	checkUnknown  = 3
)

var checkWords = [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

// checkAgent prints the line of a monitoring plugin and gives its exit status.
func checkAgent(ctx context.Context, std streams, agent *agentFlags) error {
	var st status.Status
	err := agent.ask(ctx, func(ctx context.Context, c *control.Client) (err error) {
		st, err = c.Status(ctx)
		return err
	})
	code, text := judge(st, err)
	text = strings.ReplaceAll(report.Plain(text), "|", "/") // behind it are numbers
	if err == nil {
		text += " | " + perfdata(&st)
	}
	if _, err := fmt.Fprintf(std.out, "SLIPS-IPS %s - %s\n", checkWords[code], text); err != nil {
		return err
	}
	if code == checkOK {
		return nil
	}
	return exitError(code)
}

// judge judges a status, or why there is none.
func judge(st status.Status, err error) (code int, text string) {
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return checkCritical, err.Error() // nothing is watched
	case err != nil:
		return checkUnknown, err.Error()
	case len(st.Problems) == 0:
		return checkOK, fmt.Sprintf("%s, %s flows a second, %d tuples, %d blocks", st.Mode, numbers.Rate(st.Detection.FlowsPerSecond), st.Detection.Tuples, st.Policy.Blocks)
	}
	code = checkWarning
	if st.Worst() == status.Critical {
		code = checkCritical
	}
	text = st.Problems[0].Area + ": " + st.Problems[0].What
	if n := len(st.Problems) - 1; n > 0 {
		text += fmt.Sprintf(" (and %s)", numbers.Count(n, "other problem", "other problems"))
	}
	return code, text
}

// perfdata writes the numbers that are worth a curve, as 'name'=value[unit];warn;crit;min;max.
func perfdata(st *status.Status) string {
	lag, dropped := 0.0, st.Detection.Dropped()+st.Detection.FutureFlows
	for i := range st.Feeds {
		f := &st.Feeds[i]
		if f.Live {
			lag = max(lag, f.Lag.Seconds())
		}
		dropped += f.Dropped
	}
	return strings.Join([]string{
		fmt.Sprintf("flows_per_second=%.1f;;;0;", st.Detection.FlowsPerSecond),
		fmt.Sprintf("flows=%dc;;;0;", st.Detection.Flows),
		fmt.Sprintf("dropped_flows=%dc;;;0;", dropped),
		fmt.Sprintf("lag=%.1fs;;;0;", lag),
		fmt.Sprintf("tuples=%d;;;0;%d", st.Detection.Tuples, st.Detection.MaxTuples),
		fmt.Sprintf("detections=%dc;;;0;", st.Detection.Detections),
		fmt.Sprintf("blocks_wanted=%d;;;0;%d", st.Enforce.Wanted, st.Policy.MaxBlocks),
		fmt.Sprintf("blocks_missing=%d;;;0;", st.Enforce.Missing),
		fmt.Sprintf("history=%dB;;;0;", st.History.Size),
		fmt.Sprintf("resident=%dB;;;0;", st.Memory.Resident),
	}, " ")
}
