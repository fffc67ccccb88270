package agent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/whatif"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// pastBegin is when the past of these tests begins.
var pastBegin = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// pastDetection is the n-th match of a beacon.
func pastDetection(host byte, n int, every time.Duration) detection.Detection {
	return detection.Detection{
		Tuple: beaconTuple(host), Label: "From-Botnet-TCP-CC-1", Scorer: string(detection.ScoringBehaviour), Score: 0.97, Threshold: 0.4,
		Letters: "h,h,h,", Flows: uint64(n) + 10, Time: argusfeed.TimeOf(pastBegin.Add(time.Duration(n) * every)), Gap: every, Behaviour: detection.BeaconRegular,
	}
}

// pastFolder makes a state folder with a history of these matches, each seen when its
// flow began.
func pastFolder(t *testing.T, all []detection.Detection, events ...history.Event) string {
	t.Helper()
	dir := t.TempDir()
	var now atomic.Int64 // microseconds; the store's own goroutine looks at it
	now.Store(pastBegin.UnixMicro())
	s, err := history.Open(history.Options{Path: filepath.Join(dir, "history.db"), Now: func() time.Time { return time.UnixMicro(now.Load()) }})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		s.Record(e)
	}
	for i, d := range all {
		now.Store(int64(d.Time))
		s.Detected(d)
		if i%10 == 9 {
			flushStore(t, s)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func flushStore(t *testing.T, s *history.Store) {
	t.Helper()
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func whatIfOf(t *testing.T, opt WhatIfOptions) whatif.Report {
	t.Helper()
	if opt.Since.IsZero() {
		opt.Since = pastBegin.Add(-time.Hour)
	}
	if opt.Until.IsZero() {
		opt.Until = pastBegin.AddDate(0, 0, 30)
	}
	opt.Elsewhere = true
	r, err := WhatIf(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Of matches that are all kept the history says exactly what the policies would have
// made of the matches themselves.
func TestWhatIfIsExact(t *testing.T) {
	var all []detection.Detection
	for n := range 60 {
		for host := range byte(3) {
			d := pastDetection(host+1, n, 3*time.Minute)
			d.Time = d.Time.Add(time.Duration(host) * time.Second)
			if n%5 < int(host) {
				d.Score = 0.5
			}
			all = append(all, d)
		}
	}
	below := 0.9
	now, other := replayConfig(), replayConfig()
	other.Policy.Matches, other.Policy.Duration = 20, policy.Duration(10*time.Minute)
	other.Policy.Rules = []policy.Rule{{Name: "unsure", Below: &below, Action: policy.ActionAlert}}
	got := whatIfOf(t, WhatIfOptions{Config: now, Other: other, State: pastFolder(t, all)})

	var ours, others whatif.Trials
	for _, p := range []struct {
		c      Config
		trials *whatif.Trials
	}{{now, &ours}, {other, &others}} {
		var clock time.Time
		d, err := newTrial(p.c, time.Minute, policy.NewProtected(), func() time.Time { return clock })
		if err != nil {
			t.Fatal(err)
		}
		d.now = func(d detection.Detection) argusfeed.Time { clock = d.Time.Time(); return d.Time }
		d.decided = func(o outcome) { p.trials.Add(o.decision) }
		if err := d.decide(all); err != nil {
			t.Fatal(err)
		}
	}
	var want whatif.Report
	want.Compare(&ours, &others)
	for _, part := range []struct{ want, got any }{{want.Now, got.Now}, {want.Other, got.Other}, {want.Differences, got.Differences}} {
		if d := cmp.Diff(part.want, part.got, cmp.AllowUnexported(argusfeed.Addr{})); d != "" {
			t.Error(d)
		}
	}
	if got.Matches != 180 || got.Tuples != 3 || got.Spread != 0 || len(got.Differences) != 3 || got.Now.Tuples != 3 {
		t.Errorf("%d matches of %d tuples, %d spread, %d differences", got.Matches, got.Tuples, got.Spread, len(got.Differences))
	}
}

// A beacon that goes on for days is thinned out; when it is blocked and for how long
// stays right, and the same policy differs in nothing.
func TestWhatIfOfThinnedMatches(t *testing.T) {
	var all []detection.Detection
	for n := range 1000 {
		all = append(all, pastDetection(1, n, time.Minute))
	}
	c := replayConfig()
	stricter := c
	stricter.Policy.Action = policy.ActionAlert
	state := pastFolder(t, all)
	r := whatIfOf(t, WhatIfOptions{Config: c, Other: stricter, State: state})
	if r.Matches != 1000 || r.Spread == 0 || r.Spread > 940 {
		t.Errorf("%d matches, %d of them spread", r.Matches, r.Spread)
	}
	b := r.Now.Blocked[0].Blocked
	if first := argusfeed.TimeOf(pastBegin.Add(2 * time.Minute)); b.Blocks != 1 || b.First != first || r.Other.Blocks != 0 || r.Other.Alerted != 1 {
		t.Errorf("%+v, other %+v", b, r.Other)
	}
	if want := (999 * time.Minute).Seconds(); b.Seconds < want || b.Seconds > want+time.Hour.Seconds() {
		t.Errorf("blocked for %v s", b.Seconds)
	}
	if !slices.ContainsFunc(r.Unknown, func(s string) bool { return strings.Contains(s, "were only counted") }) {
		t.Errorf("it does not say that they are: %q", r.Unknown)
	}
	if r = whatIfOf(t, WhatIfOptions{Config: c, Other: c, State: state}); len(r.Differences) != 0 || r.Now.Blocks != 1 {
		t.Errorf("the same policy differs: %+v", r.Differences)
	}
	// A part of it: what was known before counts, and the block that was in force does.
	from := pastBegin.Add(500 * time.Minute)
	r = whatIfOf(t, WhatIfOptions{Config: c, Other: stricter, State: state, Since: from, Until: from.Add(time.Hour)})
	if b := r.Now.Blocked; r.Matches != 60 || len(b) != 1 || b[0].Blocked.Seconds < 3600 || b[0].Blocked.Seconds > 2*3600 {
		t.Errorf("%d matches, %+v", r.Matches, b)
	}
}

// An agent that was started anew takes the matches back and has its grace time again;
// so does the question.
func TestWhatIfOverRestarts(t *testing.T) {
	all := []detection.Detection{pastDetection(1, 0, time.Minute), pastDetection(1, 1, time.Minute), pastDetection(1, 2, time.Minute)}
	c := replayConfig()
	if r := whatIfOf(t, WhatIfOptions{Config: c, Other: c, State: pastFolder(t, all)}); r.Now.Blocks != 1 {
		t.Errorf("without a restart: %d blocks", r.Now.Blocks)
	}
	restart := history.Event{Kind: history.KindAgent, Time: pastBegin.Add(90 * time.Second), Text: history.StartedText + "enforce, version 1"}
	graceful := c
	graceful.Policy.Grace = policy.Duration(time.Minute)
	r := whatIfOf(t, WhatIfOptions{Config: c, Other: graceful, State: pastFolder(t, all, restart)})
	if r.Now.Blocks != 1 {
		t.Errorf("with a restart: %+v", r.Now)
	}
	if r.Other.Blocks != 0 || r.Other.Alerted != 1 {
		t.Errorf("within the grace time of a restart: %+v", r.Other)
	}
}

// [protect] and the allow list are heeded, and nothing is written.
func TestWhatIfProtects(t *testing.T) {
	var all []detection.Detection
	for n := range 10 {
		all = append(all, pastDetection(1, n, time.Minute), pastDetection(2, n, time.Minute))
	}
	state := pastFolder(t, all)
	src, _ := beaconTuple(2).Src.IP()
	allow := fmt.Sprintf(`{"version": 1, "entries": [{"network": "%s/32", "since": "2026-01-01T00:00:00Z"}]}`, src)
	if err := os.WriteFile(filepath.Join(state, "allow.json"), []byte(allow), 0o600); err != nil {
		t.Fatal(err)
	}
	before := folderText(t, state)
	c, other := replayConfig(), replayConfig()
	src, _ = beaconTuple(1).Src.IP()
	if err := other.Protect.Networks.UnmarshalTOML(src.String()); err != nil {
		t.Fatal(err)
	}
	r := whatIfOf(t, WhatIfOptions{Config: c, Other: other, State: state})
	if r.Now.Tuples != 1 || r.Now.Alerted != 1 || r.Other.Tuples != 0 || len(r.Differences) != 1 || r.Differences[0].Other.Cause != policy.CauseProtected {
		t.Errorf("%+v", r)
	}
	if d := cmp.Diff(before, folderText(t, state)); d != "" {
		t.Error(d)
	}
	if _, err := WhatIf(t.Context(), WhatIfOptions{Config: c, Other: c, State: t.TempDir(), Elsewhere: true, Since: pastBegin, Until: pastBegin.Add(time.Hour)}); err == nil ||
		!strings.Contains(err.Error(), "--state") {
		t.Errorf("no history: %v", err)
	}
}

func folderText(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), "-shm") || strings.HasSuffix(e.Name(), "-wal") {
			continue // SQLite's, also for reading
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

// More matches than the policies may be asked about are refused before they are laid
// out.
func TestWhatIfIsBounded(t *testing.T) {
	past := history.Matched{
		Episodes:  []history.Episode{{Tuple: beaconTuple(1).String(), First: pastBegin, Last: pastBegin.Add(time.Hour)}},
		Counted:   []uint64{maxPast + 1},
		KeptUntil: []time.Time{{}},
	}
	if _, err := layOut(past, pastBegin.Add(2*time.Hour), maxPast); !errors.Is(err, history.ErrTooMuch) {
		t.Errorf("%v", err)
	}
	past.Counted[0] = 61
	all, err := layOut(past, pastBegin.Add(2*time.Hour), maxPast)
	if err != nil || len(all) != 61 || all[0].at != argusfeed.TimeOf(pastBegin) || all[60].at != argusfeed.TimeOf(pastBegin.Add(time.Hour)) {
		t.Errorf("%d matches, %v", len(all), err)
	}
}

// The running agent answers the same, and names the mistakes of a configuration.
func TestOperatorWhatIf(t *testing.T) {
	o, _ := running(t, nil, nil, beacon(1, 60, time.Minute)...)
	flushHistory(t, o.Agent)
	r, err := o.WhatIf(t.Context(), control.WhatIfRequest{Config: "[policy]\naction = \"alert\"\n"})
	if err != nil || r.Matches == 0 || r.Tuples != 1 || len(r.Differences) != 1 || r.Since.Before(r.Until.Add(-time.Hour)) {
		t.Errorf("%+v, %v", r, err)
	}
	var wrong *control.ConfigError
	_, err = o.WhatIf(t.Context(), control.WhatIfRequest{Config: "[policy]\naction = \"deny\"\nmatchs = 3\n"})
	if !errors.As(err, &wrong) || !errors.Is(err, control.ErrInvalid) || len(wrong.Mistakes) == 0 || wrong.Mistakes[0].Line != 2 {
		t.Errorf("%v", err)
	}
	o.trying.Lock()
	if _, err := o.WhatIf(t.Context(), control.WhatIfRequest{}); !errors.Is(err, control.ErrBusy) {
		t.Errorf("while another one asks: %v", err)
	}
	o.trying.Unlock()
}
