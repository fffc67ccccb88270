package report

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

var testTime = time.Date(2026, 3, 17, 7, 21, 32, 780708000, time.UTC)

func testTuple(t testing.TB, src, dst, port, proto string) argusfeed.Tuple {
	t.Helper()
	var tuple argusfeed.Tuple
	var errs [4]error
	tuple.Src, errs[0] = argusfeed.ParseAddr([]byte(src))
	tuple.Dst, errs[1] = argusfeed.ParseAddr([]byte(dst))
	tuple.Port, errs[2] = argusfeed.ParsePort([]byte(port))
	tuple.Proto, errs[3] = argusfeed.ParseProto([]byte(proto))
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return tuple
}

// hostileName is what a feed of names could bring: quotes, what shells, CEF and
// JSON obey, a bell, an escape, a C1 control and a line end.
const hostileName = "a\"b'c|d\\e=f$(g)`h`\a\x1b[2J\u009b\nCEF:0|x"

func testDetection(tuple argusfeed.Tuple) *detection.Detection {
	return &detection.Detection{
		Tuple: tuple, Label: "From-Botnet-TCP-CC-Beacon-1", Model: "builtin/cc.toml", Scorer: "behaviour",
		Score: 0.987, Threshold: 0.5, Letters: "88,h,h,h,h,", Flows: 17, Time: argusfeed.TimeOf(testTime),
		Window: argusfeed.TimeOf(testTime.Truncate(time.Minute)), Source: 1, Why: "regular contacts (0.95)", Behaviour: "cc",
		Gap: 5 * time.Minute,
	}
}

func testEvent(kind history.Kind, tuple argusfeed.Tuple) history.Event {
	e := history.Event{
		ID: "01958f2a-7b1c-7000-8000-00000000000" + map[history.Kind]string{history.KindAlert: "1", history.KindBlock: "2",
			history.KindLift: "3", history.KindFeed: "4", history.KindChange: "5", history.KindAgent: "6"}[kind],
		Time: testTime, Kind: kind, Mode: "enforce",
	}
	decision := &policy.Decision{
		ID: e.ID, Time: argusfeed.TimeOf(testTime), Tuple: tuple, Action: policy.ActionAlert, Rule: "default", Cause: policy.CauseUnconfirmed,
		Reason: "2 of 3 matches", Label: "From-Botnet-TCP-CC-Beacon-1", Score: 0.987, Threshold: 0.5, Flows: 17, Matches: 2,
		Since: argusfeed.TimeOf(testTime.Add(-time.Minute)),
	}
	block := &history.Block{
		Block: policy.Block{ID: "01958f2a-7b1c-7000-8000-000000000002", Tuple: tuple, Scope: policy.ScopeTuple, Duration: time.Hour, Label: decision.Label},
		Since: testTime, Until: testTime.Add(time.Hour),
	}
	switch kind {
	case history.KindAlert:
		e.Text = "alert: " + tuple.String() + " looks like command and control"
		e.Decision, e.Detection = decision, testDetection(tuple)
	case history.KindBlock:
		decision.Action, decision.Scope, decision.Duration = policy.ActionBlock, policy.ScopeTuple, time.Hour
		decision.Cause, decision.Matches, decision.Confirmed = policy.CauseConfirmed, 3, true
		e.Text = "blocked: " + tuple.String() + " for 1h"
		e.Decision, e.Detection, e.Block = decision, testDetection(tuple), block
	case history.KindLift:
		block.End = history.EndLifted
		e.Text, e.Block = "lifted: "+tuple.String(), block
		e.By = &history.Who{UID: 1000, User: "alice", From: "198.51.100.9", PID: 4711}
	case history.KindFeed:
		e.Text = "the feed argus://127.0.0.1:561 is back"
		e.Feed = &history.Feed{Source: "argus://127.0.0.1:561", State: "live", Before: "retrying", Away: 90 * time.Second, Missed: 12}
	case history.KindChange:
		e.Text, e.Changes = "configuration reloaded", []string{"policy.duration: 1h -> 2h"}
		e.By = &history.Who{UID: 0, User: "root", PID: 1}
	case history.KindAgent:
		e.Text = "started"
	}
	return e
}

func usualTuple(t testing.TB) argusfeed.Tuple {
	return testTuple(t, "192.0.2.7", "203.0.113.9", "443", "tcp")
}

func hostileTuple(t testing.TB) argusfeed.Tuple {
	return testTuple(t, hostileName, "2001:db8::9", "http", "udp")
}

// testEvents has one of each kind and shape.
func testEvents(t testing.TB) map[string]history.Event {
	tuple := usualTuple(t)
	all := map[string]history.Event{"hostile": testEvent(history.KindAlert, hostileTuple(t))}
	for _, k := range allKinds {
		all[string(k)] = testEvent(k, tuple)
	}
	dry := testEvent(history.KindBlock, tuple)
	dry.Mode, dry.Block.DryRun = "dry-run", true
	all["block-dry-run"] = dry
	failed := testEvent(history.KindBlock, tuple)
	failed.Error, failed.Block = "the kernel refused: no space", nil
	all["block-failed"] = failed
	hand := testEvent(history.KindBlock, tuple)
	hand.Detection, hand.By = nil, &history.Who{UID: 0, User: "root", Login: "alice", PID: 42}
	hand.Block.Label, hand.Decision.Label = "", ""
	all["block-by-hand"] = hand
	return all
}

func testFlow(tuple argusfeed.Tuple) argusfeed.Flow {
	return argusfeed.Flow{
		Tuple: tuple, Sport: argusfeed.PortNumber(50123), Start: argusfeed.TimeOf(testTime), Dur: 2500 * time.Millisecond,
		Packets: 12, Bytes: 3456, SrcBytes: 1234, State: "FSPA_FSPA", Source: 1,
	}
}

func testStatus() status.Status {
	s := status.Status{Version: "1.2.3", Started: testTime.Add(-time.Hour), Now: testTime, Mode: "enforce"}
	s.Feeds = []status.Feed{{Lag: 1500 * time.Millisecond}}
	s.Detection.Flows, s.Detection.Tuples, s.Detection.Detections = 100_000, 420, 7
	s.Policy.Decisions = []status.Decisions{{Action: "alert", Cause: "rule", Count: 5}, {Action: "block", Cause: "confirmed", Count: 2}}
	s.Enforce.Enforced, s.Enforce.Wanted = 2, 2
	return s
}

// testOptions are those of a reporter for tests: quiet, with a folder.
func testOptions(t testing.TB) Options {
	return Options{
		State: t.TempDir(), Version: "1.2.3", Host: "router",
		Source: func(n uint16) (string, string) {
			if n == 1 {
				return "spawn:eth0", "eth0"
			}
			return "", ""
		},
		Bell: io.Discard,
	}
}

func testReporter(t testing.TB, change func(*Config), opt Options) *Reporter {
	t.Helper()
	cfg := DefaultConfig()
	change(&cfg)
	if testing.Verbose() {
		opt.Log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	r, err := New(cfg, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeSoon(t, r) })
	return r
}

// closeSoon ends a reporter of which nothing is expected any more.
func closeSoon(t testing.TB, r *Reporter) {
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_ = r.Close(ctx)
}

func mustClose(t testing.TB, r *Reporter) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		t.Error(err)
	}
}

// only gives the one output that there is.
func only(t testing.TB, r *Reporter) status.Output {
	t.Helper()
	all := r.Outputs()
	if len(all) != 1 {
		t.Fatalf("%d outputs, want 1", len(all))
	}
	return all[0]
}

// script writes a program and gives its path. The shell is its own.
func script(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
