package train

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Markdown writes the tables as docs/detection.md has them.
func (t *Tables) Markdown(w io.Writer, reference bool) error {
	var b strings.Builder
	how := "scored by one classifier that is given"
	if t.CrossValid {
		how = fmt.Sprintf("each capture scored by a classifier fitted, calibrated and given its threshold without it; the threshold lets at most %.1f %% of the benign tuples of the others be alerted on", 100*t.Share)
	}
	fmt.Fprintf(&b, "Tuples of %d flows or more, ever alerted on; %s.\n\n", t.MinFlows, how)
	row := func(cells ...string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	head := func(cells ...string) {
		row(cells...)
		row(strings.Split(strings.Repeat("---,", len(cells)-1)+"---", ",")...)
	}
	cells := func(r *Row) []string {
		all := []string{r.Name, rate(r.CC), rate(r.Benign), neverJudged(r), rate(r.Candidate), rate(r.Other), rate(r.Unknown), number(r.FlowsToAlert), spanOf(r)}
		if reference {
			all = append(all, rate(r.ReferenceCC), rate(r.ReferenceBenign))
		}
		if r.HostDays > 0 {
			return append(all, fmt.Sprintf("%.1f", r.HostDays), fmt.Sprintf("%.2f", r.PerHostDay))
		}
		return append(all, "", "")
	}
	names := []string{"capture", "C&C", "benign", "never judged", "candidate", "other malicious", "unknown", "flows to alert", "time to alert"}
	if reference {
		names = append(names, "slips-0.3.3 C&C", "slips-0.3.3 benign")
	}
	names = append(names, "host-days", "false alarms a host and day")
	head(names...)
	for _, r := range t.Captures {
		row(cells(r)...)
	}
	row(cells(t.Total)...)
	b.WriteString("\n")
	names[0] = "label"
	head(append([]string{names[0], "class"}, names[1:len(names)-2]...)...)
	for _, r := range t.Labels {
		if r.Class == Unknown {
			continue // there may be hundreds; --json has them
		}
		c := cells(r)
		row(append([]string{c[0], string(r.Class)}, c[1:len(c)-2]...)...)
	}
	if t.Letters != nil {
		fmt.Fprintf(&b, "\nLetters, %d or more, never learned from: C&C %s, Normal %s, at the same threshold.\n", t.MinFlows, rate(t.Letters.CC), rate(t.Letters.Benign))
		if at, ok := best(t.ROCLetters, 0.05); ok {
			fmt.Fprintf(&b, "With the threshold that alerts on 5 %% of Normal: %.0f %% of the C&C.\n", 100*at.CC)
		}
	}
	if t.ByLettersAll != nil {
		b.WriteString("\nBy letters alone, each row scored by a classifier fitted on captures, lab and letters, all as their letters tell of them, and given its threshold without the hosts of the row:\n\n")
		head("hosts", "C&C", "Normal")
		for _, r := range append(slices.Clone(t.ByLetters), t.ByLettersAll) {
			row(r.Name, rate(r.CC), rate(r.Benign))
		}
	}
	if len(t.Made) > 0 {
		b.WriteString("\n")
		head("lab", "C&C", "flows to alert", "time to alert")
		for _, r := range t.Made {
			row(r.Name, rate(r.CC), number(r.FlowsToAlert), spanOf(r))
		}
	}
	if len(t.ROC) > 0 {
		fmt.Fprintf(&b, "\nArea under the ROC curve of the captures: %.3f. C&C found at a share of benign tuples alerted on:", t.Area)
		for _, share := range []float64{0.01, 0.02, 0.05, 0.1, 0.2} {
			if at, ok := best(t.ROC, share); ok {
				fmt.Fprintf(&b, " %.0f %%: %.0f %%;", 100*share, 100*at.CC)
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\n")
	head("probability", "tuples", "predicted C&C", "observed C&C")
	for _, c := range t.Calibration {
		if c.Tuples > 0 {
			row(fmt.Sprintf("%.2f to %.2f", c.From, c.To), fmt.Sprint(c.Tuples), fmt.Sprintf("%.3f", c.Predicted), fmt.Sprintf("%.3f", c.Observed))
		}
	}
	list := func(title string, all []Case) {
		if len(all) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n%s\n\n", title)
		head("capture", "tuple", "label", "flows", "probability", "alerts")
		for _, c := range all {
			row(c.Capture, c.Tuple, c.Label, fmt.Sprint(c.Flows), fmt.Sprintf("%.2f", c.Probability), fmt.Sprint(c.Alerts))
		}
	}
	list("Benign and alerted on:", t.FalseAlarms)
	list("C&C and not alerted on:", t.Missed)
	_, err := io.WriteString(w, b.String())
	return err
}

// best gives the point of a curve with the most command and control among
// those that alert on at most a share of the benign tuples.
func best(curve []Point, share float64) (at Point, ok bool) {
	for _, p := range curve {
		if p.Benign <= share+1e-9 {
			at, ok = p, true
		}
	}
	return at, ok
}

func rate(r Rate) string {
	if r.Of == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d", r.Hit, r.Of)
}

// neverJudged is how many of the benign tuples the scorer never looks at.
func neverJudged(r *Row) string {
	if r.Benign.Of == 0 {
		return ""
	}
	return fmt.Sprint(r.NeverJudged)
}

func number(x float64) string {
	if x == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", x)
}

func spanOf(r *Row) string {
	if r.FlowsToAlert == 0 {
		return ""
	}
	return spanText(r.SecondsToAlert)
}
