package controltest

import (
	"fmt"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// Now is the time of the sample.
var Now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Tuple is the one that the sample can explain.
const Tuple = "10.0.0.7-203.0.113.9-443-tcp"

const reason = "matches From-Generic-TCP-HTTPS-beacon-regular with probability 0.9505 (threshold 0.3695) after 64 flows; " +
	"confirmed: 10 matches in the last 10080 windows of 1m, since 2026-03-01T08:54:06Z; rule generic says block for 1h"

// MustTuple reads a tuple.
func MustTuple(s string) argusfeed.Tuple {
	t, err := argusfeed.ParseTuple(s)
	if err != nil {
		panic(err)
	}
	return t
}

// ID gives the n-th ID; they sort by n.
func ID(n int) string { return fmt.Sprintf("01a20b4d-0000-7000-8000-%012d", n) }

// Sample is an agent in enforce mode that has seen some things, and has problems.
func Sample() *Backend {
	beacon, update, resolver := MustTuple(Tuple), MustTuple("10.0.0.8-198.51.100.20-80-tcp"), MustTuple("2001:db8::7-2001:db8::53-53-udp")
	at := func(before time.Duration) time.Time { return Now.Add(-before) }
	who := history.Who{UID: 1000, User: "anna", From: "192.0.2.77", PID: 4321}
	block := policy.Block{ID: ID(4), Tuple: beacon, Scope: policy.ScopeTuple, Duration: time.Hour, Label: "From-Generic-TCP-HTTPS-beacon-regular"}
	det := detection.Detection{
		Tuple: beacon, Label: block.Label, Model: "classifier.toml", Scorer: "behaviour", Score: 0.9505, Threshold: 0.3695,
		Letters: "88+h+h,h+h,h+h+h,", Flows: 64, Time: argusfeed.TimeOf(at(10 * time.Minute)), Window: argusfeed.TimeOf(at(11 * time.Minute)),
		Why: "gaps spread by only 2 %", Generic: true, Gap: 59 * time.Second,
	}
	dec := policy.Decision{
		ID: ID(4), Time: det.Time, Tuple: beacon, Action: policy.ActionBlock, Scope: policy.ScopeTuple, Duration: time.Hour, Rule: "generic",
		Cause: policy.CauseConfirmed, Reason: reason, Label: det.Label, Score: det.Score, Threshold: det.Threshold, Flows: 64, Matches: 10,
		Since: argusfeed.TimeOf(at(3 * time.Hour)), Confirmed: true,
	}
	alert := policy.Decision{
		ID: ID(3), Time: argusfeed.TimeOf(at(25 * time.Minute)), Tuple: update, Action: policy.ActionAlert, Rule: "unsure", Cause: policy.CauseRule,
		Reason: "matches From-Generic-TCP-HTTP-polling with probability 0.4659 (threshold 0.3695) after 5 flows; rule unsure says alert",
		Label:  "From-Generic-TCP-HTTP-polling", Score: 0.4659, Threshold: 0.3695, Flows: 5, Matches: 1,
	}
	past := []history.Event{
		{ID: ID(6), Time: at(2 * time.Minute), Kind: history.KindFeed, Mode: "enforce", Text: "the feed argus://127.0.0.1:561 is retrying: connection refused",
			Feed: &history.Feed{Source: "argus://127.0.0.1:561", State: "retrying", Before: "live"}},
		{ID: ID(5), Time: at(5 * time.Minute), Kind: history.KindChange, Mode: "enforce", By: &who, Text: "anna allowed 192.168.7.0/24 (printers)",
			Changes: []string{"allow: 192.168.7.0/24 added"}},
		{ID: ID(4), Time: at(10 * time.Minute), Kind: history.KindBlock, Mode: "enforce", Text: "blocked " + Tuple + " for 1h",
			Decision: &dec, Detection: &det, Block: &history.Block{Block: block, Since: at(10 * time.Minute), Until: at(-50 * time.Minute)}},
		{ID: ID(3), Time: at(25 * time.Minute), Kind: history.KindAlert, Mode: "enforce", Text: "alert on " + update.String(), Decision: &alert},
		{ID: ID(2), Time: at(40 * time.Minute), Kind: history.KindLift, Mode: "enforce", Text: "the block of 10.0.0.9-203.0.113.77-6667-tcp ran out",
			Block: &history.Block{Block: policy.Block{ID: ID(99), Tuple: MustTuple("10.0.0.9-203.0.113.77-6667-tcp"), Scope: policy.ScopeTuple, Duration: time.Hour, Label: "From-Botnet-TCP-IRC-x"},
				Since: at(100 * time.Minute), Until: at(40 * time.Minute), End: history.EndExpired}},
		{ID: ID(1), Time: at(4 * time.Hour), Kind: history.KindAgent, Mode: "enforce", Text: "started"},
	}
	info := control.BlockInfo{ID: ID(4), Tuple: beacon, Scope: policy.ScopeTuple, Verdict: policy.VerdictDrop, Label: block.Label, State: enforce.StateBlocked,
		Since: at(10 * time.Minute), Until: at(-50 * time.Minute), Left: 3000, Reason: reason, Hits: &enforce.Counts{Packets: 1234, Bytes: 98_765}}
	byHand := control.BlockInfo{ID: ID(7), Tuple: MustTuple("10.0.0.9-203.0.113.200-22-tcp"), Scope: policy.ScopeTuple, Verdict: policy.VerdictDrop, Label: "by hand", State: enforce.StateMissing,
		Since: at(time.Minute), Until: at(-47 * time.Hour), Left: 169200, Reason: "brute force", By: &who}
	known := []detection.TupleInfo{
		{Tuple: beacon, Flows: 64, InWindow: 1, Letters: "88+h+h,h+h,h+h+h,h+h,", Last: det.Time, Label: det.Label, Model: det.Model,
			Score: det.Score, Threshold: det.Threshold, Detections: 10},
		{Tuple: resolver, Flows: 812, InWindow: 9, Letters: "1,1.a.a.a.A.r.a.a.", Cut: true, Last: argusfeed.TimeOf(at(3 * time.Second))},
		{Tuple: update, Flows: 2, Letters: "55", Last: argusfeed.TimeOf(at(25 * time.Minute))},
	}
	return &Backend{
		State: sampleStatus(), Known: known, Past: past, InForce: []control.BlockInfo{byHand, info}, Now: Now,
		Allowed: []control.Allow{
			{Network: "10.0.0.1", Comment: "gateway of eth0", From: "host"},
			{Network: "192.168.0.0/16", Comment: "the office", From: "config"},
			{Network: "192.168.7.0/24", Comment: "printers", Since: at(5 * time.Minute), Until: at(-24 * time.Hour), By: "anna", From: "allow"},
		},
		Reloaded: control.ReloadResult{
			Changes:   []string{"policy.duration: 1h -> 2h", "models: 23 -> 24"},
			Unwanted:  []control.UnwantedBlock{{Block: info, Why: "rule generic says alert"}},
			Protected: []control.UnwantedBlock{{Block: byHand, Why: "destination 203.0.113.200 is allowed in [protect]: a partner, which is never blocked"}},
		},
		Explanation: control.Explanation{
			Tuple: beacon, Known: &known[0], Verdict: "blocked until 12:50: " + reason, Block: &info, Events: past[2:3],
			Ruling: &control.Ruling{Decision: *past[2].Decision, Made: true, File: "/etc/slips-ips/slips.toml", Line: 47},
			Budget: []control.Budget{{Limit: "max_blocks", Used: 2, Most: 10_000}, {Limit: "budget.per_minute", Used: 1}},
			Next:   Now.Add(5 * time.Minute),
			Judgement: &detection.Explanation{Scorer: "behaviour", Label: det.Label, Score: 0.9505, Threshold: 0.3695, Malicious: true,
				For: []string{"gaps spread by only 2 % (+2.1)", "as many as 64 contacts (+1.4)"}, Against: []string{"company of about 3 in that network (-0.6)"}},
		},
	}
}

func sampleStatus() status.Status {
	at := func(before time.Duration) time.Time { return Now.Add(-before) }
	return status.Status{
		Version: "1.0", PID: 4242, Started: at(4 * time.Hour), Now: Now, Mode: "enforce",
		Problems: []status.Problem{
			{Severity: status.Critical, Area: "enforce", What: "1 of 2 blocks is not in the kernel; see last errors"},
			{Severity: status.Warning, Area: "feed", What: "argus://127.0.0.1:561 is retrying: connection refused; is argus running?"},
		},
		Config: status.Config{Path: "/etc/slips-ips/slips.toml", Loaded: at(time.Hour), Reloads: 1},
		Feeds: []status.Feed{
			{Stats: argusfeed.Stats{URL: "spawn:eth0", State: argusfeed.StateLive, Since: at(4 * time.Hour), Flows: 1_234_567, Size: -1,
				LastFlow: argusfeed.TimeOf(at(1200 * time.Millisecond)), LastHeard: at(time.Second),
				Skipped: map[string]uint64{"header": 1, "record": 2}, FirstSkipped: []argusfeed.SkipError{{Line: 17, Kind: argusfeed.SkipRecord, Reason: "a record of type 9"}}},
				Lag: 1200 * time.Millisecond, FlowsPerSecond: 310.4, Live: true},
			{Stats: argusfeed.Stats{URL: "argus://127.0.0.1:561", State: argusfeed.StateRetrying, Since: at(2 * time.Minute), Flows: 42, Size: -1,
				Skipped: map[string]uint64{}, Gaps: 2, Away: 3*time.Minute + 4*time.Second, Missed: 17, Restarts: 3, Error: "connection refused"}, Live: true},
		},
		Detection: status.Detection{Stats: detection.Stats{Flows: 1_234_609, Detections: 31, Late: 4, Tuples: 18_230, Evicted: 5, Windows: 240},
			Scoring: "behaviour", Models: 23, MaxTuples: 500_000, FlowsPerSecond: 310.4, Labels: map[string]uint64{"From-Generic-TCP-HTTPS-beacon-regular": 31}},
		Policy: status.Policy{Decisions: []status.Decisions{{Action: "alert", Cause: "rule", Count: 20}, {Action: "block", Cause: "confirmed", Count: 2}},
			Tracked: 12, MaxTracked: 100_000, Blocks: 2, MaxBlocks: 10_000, Protected: 14, Allowed: 1},
		Enforce: status.Enforce{Stats: enforce.Stats{Wanted: 2, Missing: 1, Applied: 3, Renewed: 1, Expired: 1}, Enforced: 1, Checked: at(9 * time.Second),
			Hits: &enforce.Counts{Packets: 1234, Bytes: 98_765}, Differs: at(time.Minute), Error: "adding an element: no such file or directory", Hindrance: status.HindranceMissing,
			Latency: status.Latency{Bounds: []float64{0.001, 0.01}, Counts: []uint64{3, 1, 0}, Sum: 0.004}},
		History: status.History{Path: "/var/lib/slips-ips/history.db", Size: 5_242_880, Events: 8123, Oldest: at(30 * 24 * time.Hour)},
		Outputs: []status.Output{{Name: "eve", To: "/var/log/slips-ips/eve.json", Sent: 52}, {Name: "webhook", To: "https://siem.lan/in", Sent: 12, Retried: 4, Waiting: 2, Failing: at(90 * time.Second), Error: "timeout"}},
		Queues:  []status.Queue{{Name: "flows", Len: 3, Cap: 64}, {Name: "detections", Len: 0, Cap: 64}},
		Web:     status.Web{Listen: "127.0.0.1:9561", Sessions: 1, Requests: 321, Logins: 2, FailedLogins: 3},
		Memory:  status.Memory{Heap: 61_000_000, Resident: 98_000_000, Goroutines: 24},
		Errors:  []status.Error{{Time: at(time.Minute), Level: "ERROR", Text: "blocks are missing in the kernel", Count: 6}},
	}
}

// Large is an agent with n tuples, n blocks and n events.
func Large(n int) *Backend {
	b := Sample()
	b.Known, b.InForce, b.Past = nil, nil, nil
	for i := range n {
		t := b.Explanation.Tuple
		t.Src = argusfeed.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		at := Now.Add(-time.Duration(i) * time.Second)
		b.Known = append(b.Known, detection.TupleInfo{Tuple: t, Flows: uint64(i % 1000), Last: argusfeed.TimeOf(at),
			Letters: "88+h+h,h+h,h+h+h,h+h,h+h+h,h+h,h+h+h,h+h,h+h,h+h+h,h+h,h+h+h,h+h"})
		b.InForce = append(b.InForce, control.BlockInfo{ID: ID(n - i), Tuple: t, Scope: policy.ScopeTuple, Verdict: policy.VerdictDrop, State: enforce.StateBlocked,
			Label: "From-Generic-TCP-HTTPS-beacon-regular", Since: at, Until: Now.Add(time.Hour), Left: 3600, Reason: reason})
		d := policy.Decision{ID: ID(n - i), Time: argusfeed.TimeOf(at), Tuple: t, Action: policy.ActionAlert, Rule: "unsure", Cause: policy.CauseRule,
			Reason: reason, Label: "From-Generic-TCP-HTTPS-beacon-regular", Score: 0.5, Threshold: 0.4, Flows: 9, Matches: 1}
		b.Past = append(b.Past, history.Event{ID: d.ID, Time: at, Kind: history.KindAlert, Mode: "enforce", Text: "alert on " + t.String(), Decision: &d})
	}
	return b
}
