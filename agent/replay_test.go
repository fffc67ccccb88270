package agent

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent/report"
	"slips-ips/agent/whatif"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// writeFlows writes a binetflow with a header; label may be empty for each.
func writeFlows(t *testing.T, name string, flows []argusfeed.Flow, label func(*argusfeed.Flow) string) string {
	t.Helper()
	b := []byte(argusfeed.RaHeader)
	if label != nil {
		b = append(b, ",Label"...)
	}
	for i := range flows {
		b = new(argusfeed.RaPrinter).AppendFlow(append(b, '\n'), &flows[i])
		if label != nil {
			b = append(append(b, ','), label(&flows[i])...)
		}
	}
	return writeFile(t, name, append(b, '\n'))
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if strings.HasSuffix(name, ".gz") {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		data = z.Bytes()
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// replayConfig needs three matches and has no rules, whatever the defaults become.
func replayConfig() Config {
	c := DefaultConfig()
	c.Report.Tuples = report.TuplesNone
	c.Policy.Matches, c.Policy.Windows, c.Policy.Rules = 3, 60, nil
	return c
}

func replayed(t *testing.T, opt ReplayOptions) *ReplayReport {
	t.Helper()
	r, err := Replay(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// story sums up decisions: action, minutes after the begin, renewal.
func story(decisions []policy.Decision) (lines []string) {
	for _, d := range decisions {
		line := fmt.Sprintf("%s at %v", d.Action, d.Time.Sub(begin))
		if d.Renewal {
			line += " renewal"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestReplayBeacon(t *testing.T) {
	path := writeFlows(t, "b.binetflow", beacon(1, 130, time.Minute), nil)
	r := replayed(t, ReplayOptions{Config: replayConfig(), Files: []string{path}})
	if len(r.Detections) != 1 || r.Flows != 130 || r.Tuples != 1 || r.Interrupted {
		t.Fatalf("%+v", r)
	}
	d := r.Detections[0]
	first := d.FlowsToFirst // how much evidence the model asks for is its own affair
	if first < 3 || first > 40 {
		t.Fatalf("the first match came after %d flows", first)
	}
	want := DetectedTuple{
		Tuple: beaconTuple(1), Label: "From-Generic-TCP-Unknown-beacon-regular", Score: d.Score, Threshold: d.Threshold, Count: 130 - first + 1,
		First: begin.Add(time.Duration(first-1) * time.Minute), Last: begin.Add(129 * time.Minute),
		FlowsToFirst: first, Letters: d.Letters, Why: d.Why, Behaviour: detection.BeaconRegular,
	}
	if diff := cmp.Diff(want, d, cmp.AllowUnexported(argusfeed.Addr{})); diff != "" {
		t.Error(diff)
	}
	if d.Score < d.Threshold || d.Score > 1 {
		t.Errorf("the probability is %v, it alerts from %v", d.Score, d.Threshold)
	}
	if !strings.HasSuffix(d.Letters, "h,h,h,") || d.Why == "" {
		t.Errorf("letters %q, why %q", d.Letters, d.Why)
	}
	// The third match blocks for an hour; the first one with less than half an
	// hour left renews it. Matches that change nothing are not told again.
	at := func(flow uint64) string { return (time.Duration(flow-1) * time.Minute).String() }
	wanted := []string{"alert at " + at(first), "block at " + at(first+2)}
	for n := first + 2 + 31; n <= 130; n += 31 {
		wanted = append(wanted, "block at "+at(n)+" renewal")
	}
	if diff := cmp.Diff(wanted, story(r.Decisions)); diff != "" {
		t.Error(diff)
	}
	if uint64(len(r.Decisions))+r.Repeats != d.Count {
		t.Errorf("%d decisions and %d repeats of %d matches", len(r.Decisions), r.Repeats, d.Count)
	}
	if b := r.Decisions[1]; b.Duration != time.Hour || b.Scope != policy.ScopeTuple || b.Rule != policy.DefaultRule || b.Matches != 3 {
		t.Errorf("%+v", b)
	}
}

// Without renewal a block runs out on the flows' clock, and the next match
// blocks anew.
func TestReplayBlockRunsOut(t *testing.T) {
	c := replayConfig()
	c.Policy.Renew, c.Policy.Duration, c.Policy.Repeat, c.Policy.Jitter = 0, policy.Duration(10*time.Minute), nil, 0
	path := writeFlows(t, "b.binetflow", beacon(1, 70, time.Minute), nil)
	r := replayed(t, ReplayOptions{Config: c, Files: []string{path}})
	first := time.Duration(r.Detections[0].FlowsToFirst-1) * time.Minute
	var blocks []string
	var want []string
	for at := first + 2*time.Minute; at <= 69*time.Minute; at += 10 * time.Minute {
		want = append(want, "block at "+at.String())
	}
	for _, s := range story(r.Decisions) {
		if strings.HasPrefix(s, "block") {
			blocks = append(blocks, s)
		}
	}
	if diff := cmp.Diff(want, blocks); diff != "" || len(want) < 3 {
		t.Error(diff)
	}
}

// The wall clock and the mode have no part in a replay: twice the same.
func TestReplayIsRepeatable(t *testing.T) {
	flows := append(beacon(1, 60, time.Minute), beacon(2, 60, 50*time.Second)...)
	path := writeFlows(t, "b.binetflow", flows, nil)
	var stories [2][]string
	var texts, traces [2]bytes.Buffer
	for i := range stories {
		c := replayConfig()
		if i == 1 {
			c.Agent.Mode = ModeEnforce // still no kernel
		}
		c.Report.Tuples = report.TuplesAll
		r := replayed(t, ReplayOptions{Config: c, Files: []string{path}, Out: &texts[i], Trace: &traces[i]})
		stories[i] = story(r.Decisions)
	}
	if diff := cmp.Diff(stories[0], stories[1]); diff != "" || len(stories[0]) == 0 {
		t.Error(diff)
	}
	if texts[0].String() != texts[1].String() || !strings.Contains(texts[0].String(), "Slot Started: "+begin.Time().Format(time.DateTime)+", finished: ") {
		t.Error("the printed windows differ, or there are none")
	}
	lines := bytes.Split(bytes.TrimSpace(traces[0].Bytes()), []byte("\n"))
	if traces[0].String() != traces[1].String() || len(lines) < 122 { // config, header, 120 flows
		t.Errorf("%d trace lines, or two different ones", len(lines))
	}
	for i, l := range lines {
		if !json.Valid(l) {
			t.Fatalf("trace line %d is no JSON: %s", i+1, l)
		}
	}
}

func TestReplayOtherPolicy(t *testing.T) {
	flows := beacon(1, 60, time.Minute)
	path := writeFlows(t, "b.binetflow", flows, nil)
	other := replayConfig()
	other.Policy.Action = policy.ActionAlert
	r := replayed(t, ReplayOptions{Config: replayConfig(), Other: &other, Files: []string{path}})
	if len(r.Differences) != 1 {
		t.Fatalf("%d differences, want 1", len(r.Differences))
	}
	d := r.Differences[0]
	if d.Tuple != beaconTuple(1) || d.Now.Action != policy.ActionBlock || d.Other.Action != policy.ActionAlert ||
		d.Other.Reason == "" || d.Other.Rule != policy.DefaultRule {
		t.Errorf("%+v", d)
	}
	if b := d.NowBlocked; b.Blocks != 1 || b.First != d.Now.Time || b.Seconds < time.Hour.Seconds() || d.OtherBlocked != (whatif.Blocked{}) {
		t.Errorf("blocked %+v, and by the other policy %+v", b, d.OtherBlocked)
	}
	same := replayConfig()
	if r = replayed(t, ReplayOptions{Config: replayConfig(), Other: &same, Files: []string{path}}); len(r.Differences) != 0 {
		t.Errorf("the same policy differs: %+v", r.Differences)
	}
	longer := replayConfig()
	longer.Policy.Duration = policy.Duration(2 * time.Hour)
	if r = replayed(t, ReplayOptions{Config: replayConfig(), Other: &longer, Files: []string{path}}); len(r.Differences) != 1 ||
		r.Differences[0].Other.Duration != 2*time.Hour {
		t.Errorf("blocks for longer: %+v", r.Differences)
	}
}

// What comes back is blocked for longer, and the same flows give the same blocks.
func TestReplayRepeatOffenders(t *testing.T) {
	path := writeFlows(t, "b.binetflow", beacon(1, 1200, time.Minute), nil)
	c := replayConfig()
	c.Policy.Renew, c.Policy.Duration = 0, policy.Duration(10*time.Minute)
	c.Policy.Repeat = policy.Durations{policy.Duration(time.Hour), policy.Duration(4 * time.Hour)}
	var runs [2][]policy.Decision
	for i := range runs {
		r := replayed(t, ReplayOptions{Config: c, Files: []string{path}, Other: &c})
		for _, d := range r.Decisions {
			if d.Action == policy.ActionBlock {
				runs[i] = append(runs[i], d)
			}
		}
		if len(r.Differences) != 0 {
			t.Errorf("the same policy differs: %+v", r.Differences)
		}
	}
	if d := cmp.Diff(runs[0], runs[1], cmp.AllowUnexported(argusfeed.Addr{})); d != "" {
		t.Error(d)
	}
	var lengths []time.Duration
	for _, d := range runs[0] {
		lengths = append(lengths, d.Duration.Truncate(30*time.Minute))
	}
	if len(lengths) < 3 || runs[0][0].Duration != 10*time.Minute || lengths[1] != time.Hour || lengths[2] != 4*time.Hour {
		t.Errorf("blocks of %v", lengths)
	}
}

func TestReplayLabels(t *testing.T) {
	flows := append(beacon(1, 60, time.Minute), beacon(2, 60, time.Minute)...)
	quiet := beacon(3, 60, time.Minute)
	for i := range quiet { // no clockwork
		quiet[i].Start = quiet[i].Start.Add(time.Duration(i*i*7919%977) * time.Second)
		quiet[i].Bytes = uint64(100 + i*i*31)
	}
	few := beacon(4, 9, time.Minute)
	flows = append(append(flows, quiet...), few...)
	labels := map[argusfeed.Tuple]string{
		beaconTuple(1): "flow=From-Botnet-V42-TCP-CC", beaconTuple(2): "flow=From-Normal-V42",
		beaconTuple(3): "Malicious", beaconTuple(4): "Botnet",
	}
	path := writeFlows(t, "l.binetflow", flows, func(f *argusfeed.Flow) string { return labels[f.Tuple] })
	r := replayed(t, ReplayOptions{Config: replayConfig(), Files: []string{path}, Labels: true})
	want := &LabelScore{
		Malicious: 2, MaliciousDetected: 1, MaliciousBlocked: 1, // host 3 is missed; host 4 has too few flows
		Benign: 1, BenignDetected: 1, BenignBlocked: 1,
	}
	if diff := cmp.Diff(want, r.Labels); diff != "" {
		t.Error(diff)
	}
	bare := writeFlows(t, "n.binetflow", flows, nil)
	r = replayed(t, ReplayOptions{Config: replayConfig(), Files: []string{bare}, Labels: true})
	if diff := cmp.Diff(&LabelScore{Unlabelled: 3}, r.Labels); diff != "" {
		t.Error(diff)
	}
	if r = replayed(t, ReplayOptions{Config: replayConfig(), Files: []string{path}}); r.Labels != nil {
		t.Errorf("nobody asked for labels: %+v", r.Labels)
	}
}

func TestReplayGzipAndTwoFiles(t *testing.T) {
	flows := beacon(1, 60, time.Minute)
	whole := replayed(t, ReplayOptions{Config: replayConfig(), Files: []string{writeFlows(t, "whole.binetflow", flows, nil)}})
	var progress []Progress
	parts := replayed(t, ReplayOptions{
		Config:   replayConfig(),
		Files:    []string{writeFlows(t, "a.binetflow.gz", flows[:15], nil), writeFlows(t, "b.binetflow", flows[15:], nil)},
		Progress: func(p Progress) { progress = append(progress, p) },
	})
	if parts.Flows != 60 || parts.Skipped["header"] != 2 {
		t.Errorf("%d flows, skipped %v", parts.Flows, parts.Skipped)
	}
	if diff := cmp.Diff(story(whole.Decisions), story(parts.Decisions)); diff != "" || len(parts.Decisions) == 0 {
		t.Errorf("in two files: %s", diff)
	}
	if len(progress) < 2 || progress[len(progress)-1].Flows != 60 || progress[len(progress)-1].Read != progress[len(progress)-1].Size {
		t.Errorf("progress %+v", progress)
	}
}

func TestReplayTruncated(t *testing.T) {
	path := writeFlows(t, "b.binetflow.gz", beacon(1, 2000, time.Minute), nil)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Replay(t.Context(), ReplayOptions{Config: replayConfig(), Files: []string{path}})
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "unexpected EOF") {
		t.Errorf("the error is %v", err)
	}
	// A last line without its end is read; half a line is skipped and counted.
	text := argusfeed.RaHeader + "\n"
	flows := beacon(1, 3, time.Minute)
	for i := range flows {
		text += string(new(argusfeed.RaPrinter).AppendFlow(nil, &flows[i])) + "\n"
	}
	text = strings.TrimRight(text, "\n")
	for _, tt := range []struct {
		text    string
		flows   uint64
		skipped map[string]uint64
	}{
		{text, 3, map[string]uint64{"header": 1}},
		{text[:len(text)-40], 2, map[string]uint64{"header": 1, "columns": 1}},
		{"", 0, map[string]uint64{}},
	} {
		r := replayed(t, ReplayOptions{Config: replayConfig(), Files: []string{writeFile(t, "t.binetflow", []byte(tt.text))}})
		if diff := cmp.Diff(tt.skipped, r.Skipped); r.Flows != tt.flows || diff != "" {
			t.Errorf("%d flows, want %d; skipped: %s", r.Flows, tt.flows, diff)
		}
	}
}

func TestReplaySkipsAndDrops(t *testing.T) {
	flows := beacon(1, 5, time.Minute)
	line := func(i int) string { return string(new(argusfeed.RaPrinter).AppendFlow(nil, &flows[i])) }
	future := flows[4]
	future.Start = begin.Add(24 * 365 * time.Hour)
	late := flows[4]
	late.Start = begin.Add(-10 * time.Hour)
	text := strings.Join([]string{
		argusfeed.RaHeader, line(0), "", "garbage", line(1), "not a time,1,tcp,1.2.3.4,1,  ->,5.6.7.8,80,CON,0,0,1,100",
		string(new(argusfeed.RaPrinter).AppendFlow(nil, &future)), line(2), string(new(argusfeed.RaPrinter).AppendFlow(nil, &late)), argusfeed.RaHeader, line(3), line(4),
	}, "\n")
	book := &logBook{}
	r := replayed(t, ReplayOptions{Config: replayConfig(), Files: []string{writeFile(t, "s.binetflow", []byte(text))}, Log: slog.New(book)})
	if diff := cmp.Diff(map[string]uint64{"header": 2, "blank": 1, "columns": 1, "time": 1}, r.Skipped); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]uint64{"future": 1, "late": 1}, r.Dropped); diff != "" {
		t.Error(diff)
	}
	if r.Flows != 7 || r.Tuples != 1 {
		t.Errorf("%d flows of %d tuples, want 7 of 1", r.Flows, r.Tuples)
	}
	var lines []string
	for _, l := range book.lines {
		lines = append(lines, l.attrs["kind"]+" "+l.attrs["line"])
	}
	if diff := cmp.Diff([]string{"columns 4", "time 6"}, lines); diff != "" {
		t.Errorf("told: %s", diff)
	}
}

func TestReplayStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := writeFlows(t, "b.binetflow", beacon(1, 60, time.Minute), nil)
	r, err := Replay(ctx, ReplayOptions{Config: replayConfig(), Files: []string{path}})
	if err != nil || !r.Interrupted || r.Flows == 60 {
		t.Errorf("%+v, %v", r, err)
	}
	_, err = Replay(t.Context(), ReplayOptions{Config: replayConfig(), Files: []string{path + ".none"}})
	if err == nil || !strings.Contains(err.Error(), ".none") {
		t.Errorf("no such file: %v", err)
	}
	c := replayConfig()
	c.Detection.Width = 0
	if _, err = Replay(t.Context(), ReplayOptions{Config: c, Files: []string{path}}); err == nil || !strings.Contains(err.Error(), "detection.width") {
		t.Errorf("a bad configuration: %v", err)
	}
}
