package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control/controltest"
	"slips-ips/agent/whatif"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// What replay --history prints as JSON is what docs/schema/whatif.json says.
func TestWhatIfFitsItsSchema(t *testing.T) {
	tuple, err := argusfeed.ParseTuple("10.0.0.7-203.0.113.9-443-tcp")
	if err != nil {
		t.Fatal(err)
	}
	at := argusfeed.TimeOf(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	var now, other whatif.Trials
	now.Add(policy.Decision{Tuple: tuple, Time: at, Action: policy.ActionAlert, Rule: "unsure", Cause: policy.CauseRule, Reason: "unsure"})
	other.Add(policy.Decision{
		Tuple: tuple, Time: at, Action: policy.ActionBlock, Scope: policy.ScopePair, Verdict: policy.VerdictReject, Duration: time.Hour,
		Rule: "all", Cause: policy.CauseConfirmed, Reason: "all", Since: at, Direction: policy.DirectionOutbound,
	})
	r := whatif.Report{Since: at.Time(), Until: at.Time().Add(time.Hour), Matches: 1, Tuples: 1, Unknown: []string{"much"}}
	r.Compare(&now, &other)
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	fits(t, "whatif", text)
	if r.Now.Alerted != 1 || r.Other.Seconds != 3600 || len(r.Differences) != 1 {
		t.Errorf("%s", text)
	}
}

// An explanation of what is not blocked says what is missing.
func TestExplainMissing(t *testing.T) {
	b := controltest.Sample()
	b.Explanation.Block = nil
	b.Explanation.Ruling.Made = false
	b.Explanation.Ruling.Missing = []string{"2 more matches", "50 flows"}
	socket := serveAgent(t, b)
	code, out, errout := command(t, socket, "explain", controltest.Tuple)
	if code != 0 || !strings.Contains(out, "\nmissing    2 more matches\n           50 flows\n") {
		t.Errorf("%d: %s%s", code, out, errout)
	}
	_, out, _ = command(t, socket, "explain", controltest.Tuple, "--json")
	fits(t, "explain", []byte(out))
}
