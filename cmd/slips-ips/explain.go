package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
	"slips-ips/agent/picture"
	"slips-ips/agent/report"
	"slips-ips/agent/web"
	"slips-ips/policy"
)

func newExplain(std streams, agent *agentFlags) *cobra.Command {
	var asJSON bool
	var svg string
	cmd := &cobra.Command{
		Use:   "explain TUPLE|ID",
		Short: "Say why a tuple is blocked, or why it is not",
		Long: `Explain tells all that the agent knows of a tuple (source-destination-port-protocol)
or of what an event, a decision or a block with that id is about: the letters, the
score and what speaks for and against, what the policy makes of it, what protects
it, and what happened.`,
		Example: `  slips-ips explain 10.0.0.7-203.0.113.9-443-tcp
  slips-ips explain --svg beacon.svg 10.0.0.7-203.0.113.9-443-tcp
  slips-ips explain 01a20b4d-3d00-7d8a-b453-54ff2ab48e49`,
		Args: exactly(1, "one tuple or id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON && svg != "" {
				return usagef("--json and --svg are two forms of the same answer: use one")
			}
			return agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				explain := c.ExplainTuple
				if isID(args[0]) {
					explain = c.ExplainID
				}
				e, err := explain(ctx, args[0])
				switch {
				case err != nil:
					return err
				case svg != "":
					return drawExplanation(std, svg, &e)
				case asJSON:
					return writeJSON(std.out, e)
				}
				return writeExplanation(std, &e)
			})
		},
		ValidArgsFunction: agent.complete(1, completeTuples),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&svg, "svg", "", "draw its letters, contacts and scores into `FILE`, an SVG, and print nothing; - is standard output")
	return cmd
}

// drawExplanation draws what is known of a tuple.
func drawExplanation(std streams, path string, e *control.Explanation) error {
	pictures, missing := web.Pictures(e)
	for _, why := range missing {
		if why != "" {
			fmt.Fprintln(std.err, why)
		}
	}
	if len(pictures) == 0 {
		return fmt.Errorf("drawing %s: there is nothing to draw", report.Plain(e.Tuple.String()))
	}
	all := picture.Stack(e.Tuple.String(), append([]*picture.Picture{picture.Note(e.Verdict)}, pictures...)...)
	if path == "-" {
		return all.WriteFile(std.out)
	}
	f, err := newWholeFile(path)
	if err != nil {
		return err
	}
	defer f.drop()
	return f.write(all.WriteFile)
}

// isID tells IDs, which are UUIDs, from tuples: both have dashes.
func isID(s string) bool {
	part := strings.Split(s, "-")
	if len(part) != 5 || len(s) != 36 {
		return false
	}
	for i, n := range [...]int{8, 4, 4, 4, 12} {
		if len(part[i]) != n || strings.Trim(part[i], "0123456789abcdefABCDEF") != "" {
			return false
		}
	}
	return true
}

func writeExplanation(std streams, e *control.Explanation) error {
	var b strings.Builder
	paint := painter(colourWanted(std.out))
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s %s\n", name, report.Plain(fmt.Sprintf(format, args...)))
	}
	fmt.Fprintln(&b, paint.paint(bold, report.Plain(e.Tuple.String())))
	line("verdict", "%s", e.Verdict)
	if e.Asked != nil {
		line("asked", "%s  %s  %s", localTime(e.Asked.Time), e.Asked.Kind, eventText(e.Asked))
		if e.Asked.Decision != nil {
			line("", "%s", e.Asked.Decision.Reason)
		}
	}
	if e.Protected != "" {
		line("protected", "%s", e.Protected)
	}
	if e.Block != nil {
		writeBlock(line, e.Block)
	}
	writeRuling(line, e)
	if k := e.Known; k != nil {
		cut := ""
		if k.Cut {
			cut = "the newest: "
		}
		line("letters", "%s%s", cut, k.Letters)
		line("flows", "%d, the newest at %s; %s", k.Flows, flowTime(k.Last), numbers.Count(k.Detections, "detection", "detections"))
	} else {
		line("letters", "nothing is remembered of it now")
	}
	if !e.Next.IsZero() {
		line("next", "due at %s by its gap", localTime(e.Next))
	}
	if j := e.Judgement; j != nil {
		word := "below the threshold"
		if j.Malicious {
			word = "malicious"
		}
		line("score", "%.4g by %s, threshold %.4g: %s", j.Score, j.Scorer, j.Threshold, word)
		if j.Label != "" {
			line("label", "%s", j.Label)
		}
		for i, s := range j.For {
			line(first(i, "for"), "%s", s)
		}
		for i, s := range j.Against {
			line(first(i, "against"), "%s", s)
		}
		if j.Missing != "" {
			line("missing", "%s", j.Missing)
		}
	}
	if _, err := fmt.Fprint(std.out, b.String()); err != nil || len(e.Events) == 0 {
		return err
	}
	fmt.Fprintln(std.out)
	return newEventPrinter(std, true).print(e.Events...)
}

func writeBlock(line func(name, format string, args ...any), b *control.BlockInfo) {
	line("block", "%s since %s until %s (%s)", b.State, localTime(b.Since), localTime(b.Until), b.ID)
	done := "dropped"
	if b.Verdict == policy.VerdictReject {
		done = "rejected"
	}
	line("covers", "the %s: %s", b.Scope, done)
	if b.By != nil {
		line("", "by %s", b.By.Words())
	}
}

// writeRuling tells the rule with its line, the matches and the budget.
func writeRuling(line func(name, format string, args ...any), e *control.Explanation) {
	if r := e.Ruling; r != nil {
		d, where, says := r.Decision, "", "would say"
		if r.Line > 0 {
			where = fmt.Sprintf(" (%s line %d)", r.File, r.Line)
		}
		if r.Made {
			says = "said"
		}
		line("rule", "%s%s %s %s: %s", d.Rule, where, says, d.Action, d.Cause)
		if !r.Made && d.Reason != "" {
			line("", "%s", d.Reason)
		}
		for i, m := range r.Missing {
			line(first(i, "missing"), "%s", m)
		}
		if d.Matches > 0 {
			line("matches", "%d, since %s", d.Matches, flowTime(d.Since))
		}
	}
	for i, b := range e.Budget {
		most := fmt.Sprintf("of %d", b.Most)
		if b.Most == 0 {
			most = "without a limit"
		}
		line(first(i, "budget"), "%s: %d %s", b.Limit, b.Used, most)
	}
}

// first gives the name for the first line of several.
func first(i int, name string) string {
	if i == 0 {
		return name
	}
	return ""
}

// exactly is for commands that take so many things.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s takes %s", cmd.CommandPath(), what)
		}
		return nil
	}
}
