package main

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"slips-ips/agent/report"
	"slips-ips/agent/whatif"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// printWhatIf prints the report for people.
func printWhatIf(w io.Writer, r whatif.Report) error {
	fmt.Fprintf(w, "%d matches of %d tuples, from %s until %s\n\n", r.Matches, r.Tuples, localTime(r.Since), localTime(r.Until))
	t := newTable("policy", "blocks", "tuples blocked", "blocked for, added up", "tuples alerted", "ignored")
	for _, p := range []struct {
		name string
		o    whatif.Outcome
	}{{"now", r.Now}, {"other", r.Other}} {
		t.AppendRow(table.Row{p.name, p.o.Blocks, p.o.Tuples, wholeSeconds(p.o.Seconds), p.o.Alerted, p.o.Ignored})
	}
	fmt.Fprintln(w, t.Render())
	if len(r.Other.Blocked) > 0 {
		fmt.Fprintln(w, "\nthe other policy would have blocked:")
		t := newTable("tuple", "label", "rule", "scope", "blocks", "first", "until", "blocked for")
		for _, b := range r.Other.Blocked {
			t.AppendRow(table.Row{report.Plain(b.Tuple.String()), report.Plain(b.Decision.Label), b.Decision.Rule, b.Decision.Scope,
				b.Blocked.Blocks, localFlowTime(b.Blocked.First), localFlowTime(b.Blocked.Until), wholeSeconds(b.Blocked.Seconds)})
		}
		fmt.Fprintln(w, t.Render())
		leftOut(w, r.Other.LeftOut)
	}
	if len(r.Differences) == 0 {
		fmt.Fprintln(w, "\nthe other policy differs on no tuple")
	}
	printDifferences(w, r.Differences, localFlowTime)
	leftOut(w, r.DifferencesLeftOut)
	fmt.Fprintln(w, "\nwhat the history cannot tell:")
	for _, s := range r.Unknown {
		fmt.Fprintf(w, "- %s\n", s)
	}
	return nil
}

func localFlowTime(t argusfeed.Time) string { return localTime(t.Time()) }

func leftOut(w io.Writer, n int) {
	if n > 0 {
		fmt.Fprintf(w, "%d more are left out\n", n)
	}
}

// wholeSeconds writes how long something lasted.
func wholeSeconds(s float64) string {
	return policy.Duration(time.Duration(s) * time.Second).String()
}

// printDifferences tells what the other policy would have done, and when, with times
// as when writes them.
func printDifferences(w io.Writer, all []whatif.Difference, when func(argusfeed.Time) string) {
	if len(all) == 0 {
		return
	}
	fmt.Fprintf(w, "\nthe other policy differs on %d tuples:\n", len(all))
	t := newTable("tuple", "policy", "does", "rule", "blocks", "first", "blocked for")
	for _, d := range all {
		for i, p := range []struct {
			name    string
			says    policy.Decision
			blocked whatif.Blocked
		}{{"now", d.Now, d.NowBlocked}, {"other", d.Other, d.OtherBlocked}} {
			tuple := report.Plain(d.Tuple.String())
			if i > 0 {
				tuple = ""
			}
			does, first, lasts := string(p.says.Action), "", ""
			if p.says.Action == policy.ActionBlock {
				does = fmt.Sprintf("block %s for %s", p.says.Scope, policy.Duration(p.says.Duration))
				first = when(p.blocked.First)
				lasts = (time.Duration(p.blocked.Seconds) * time.Second).String()
			}
			t.AppendRow(table.Row{tuple, p.name, does, p.says.Rule, p.blocked.Blocks, first, lasts})
		}
	}
	fmt.Fprintln(w, t.Render())
	for _, d := range all {
		fmt.Fprintf(w, "%s, other policy: %s\n", report.Plain(d.Tuple.String()), d.Other.Reason)
	}
}
