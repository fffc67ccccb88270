package agent

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"slips-ips/agent/report"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/policy"
)

// beaconTuple is one that this host has nothing to do with.
// beaconTuple has a destination in a network that no other host talks to.
func beaconTuple(host byte) argusfeed.Tuple {
	network := host
	if host == 1 {
		network = 113
	}
	return argusfeed.Tuple{
		Src:  argusfeed.AddrFrom(netip.AddrFrom4([4]byte{10, 77, 0, host})),
		Dst:  argusfeed.AddrFrom4([4]byte{203, 0, network, 9}),
		Port: argusfeed.PortNumber(8443), Proto: argusfeed.ProtoTCP,
	}
}

// begin is not long ago: flows of the past block nobody in a running agent.
var begin = argusfeed.TimeOf(time.Now().Truncate(time.Hour).Add(-4 * time.Hour))

// beacon gives n contacts of one tuple, one every gap, like a clock.
func beacon(host byte, n int, gap time.Duration) []argusfeed.Flow {
	flows := make([]argusfeed.Flow, n)
	for i := range flows {
		flows[i] = argusfeed.Flow{
			Tuple: beaconTuple(host), Sport: argusfeed.PortNumber(uint16(40000 + i)), Start: begin.Add(time.Duration(i) * gap),
			Dur: 300 * time.Millisecond, Packets: 10, Bytes: 1200, SrcBytes: 600, Dir: argusfeed.DirTo, State: "FSPA_FSPA",
		}
	}
	return flows
}

// fakeSource delivers its batches, calling after behind each of them, and then
// does what a live one does: it waits for the end of ctx.
type fakeSource struct {
	name    string
	batches [][]argusfeed.Flow
	after   func(delivered int)
	err     error
	lasts   bool
}

func (s *fakeSource) Run(ctx context.Context, out chan<- []argusfeed.Flow) error {
	for i, b := range s.batches {
		out <- b // as promised, a source delivers what it has also when told to stop
		if s.after != nil {
			s.after(i + 1)
		}
	}
	if s.lasts {
		<-ctx.Done()
	}
	return s.err
}

func (s *fakeSource) Stats() argusfeed.Stats { return argusfeed.Stats{URL: s.name} }
func (s *fakeSource) String() string         { return s.name }

// logBook keeps what is logged.
type logBook struct {
	mu    sync.Mutex
	lines []logLine
}

type logLine struct {
	level slog.Level
	text  string
	attrs map[string]string
}

func (b *logBook) Enabled(context.Context, slog.Level) bool { return true }
func (b *logBook) WithAttrs([]slog.Attr) slog.Handler       { return b }
func (b *logBook) WithGroup(string) slog.Handler            { return b }
func (b *logBook) Handle(_ context.Context, r slog.Record) error {
	l := logLine{r.Level, r.Message, map[string]string{}}
	r.Attrs(func(a slog.Attr) bool {
		l.attrs[a.Key] = a.Value.String()
		return true
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, l)
	return nil
}

func (b *logBook) find(text string) (found []logLine) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lines {
		if l.text == text {
			found = append(found, l)
		}
	}
	return found
}

// testConfig is the default configuration of an agent that keeps and answers nothing:
// the folders of this machine's agent are no test's business.
func testConfig() Config {
	c := DefaultConfig()
	c.Agent.State, c.Agent.Socket = "", ""
	c.Sources = []SourceConfig{{URL: "-"}} // replaced later, never opened
	return c
}

// testAgent makes an agent in dry-run that reads the sources given. Three
// matches confirm, and there are no rules, whatever the defaults become.
func testAgent(t testing.TB, change func(*Config), sources ...argusfeed.Source) (*Agent, *logBook, *bytes.Buffer) {
	t.Helper()
	c := testConfig()
	c.Policy.Matches, c.Policy.Windows, c.Policy.Rules = 3, 60, nil
	if change != nil {
		change(&c)
	}
	book, out := &logBook{}, &bytes.Buffer{}
	a, err := New(Options{Config: c, Log: slog.New(book), Out: out, Bell: &testBell})
	if err != nil {
		t.Fatal(err)
	}
	a.sources = sources
	return a, book, out
}

// testBell is the terminal of all test agents: only those with a sound ring it.
var testBell bellBook

type bellBook struct {
	mu   sync.Mutex
	text []byte
}

func (b *bellBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text = append(b.text, p...)
	return len(p), nil
}

func (b *bellBook) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := string(b.text)
	b.text = nil
	return s
}

func TestBeaconIsDecidedAndTold(t *testing.T) {
	flows := beacon(1, 40, time.Minute)
	source := &fakeSource{name: "fake:", batches: slices.Collect(slices.Chunk(flows, 7))}
	a, book, out := testAgent(t, func(c *Config) {
		c.Report.Tuples = report.TuplesAll
		c.Report.Sound.Enabled, c.Report.Sound.Player = true, report.PlayerBell
	}, source)
	testBell.take()
	if !a.enforcer.DryRun() {
		t.Fatal("the enforcer of a dry-run is connected to the kernel")
	}
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	tuple := beaconTuple(1).String()
	alerts, blocks := book.find("alert"), book.find("would block")
	if len(alerts) < 2 || len(blocks) != 1 || len(book.find("blocked")) > 0 {
		t.Fatalf("%d alerts, %d blocks, want several and one", len(alerts), len(blocks))
	}
	want := map[string]string{"tuple": tuple, "model": "From-Generic-TCP-Unknown-beacon-regular", "rule": "default", "ttl": "1h0m0s"}
	for k, v := range want {
		if blocks[0].attrs[k] != v {
			t.Errorf("would block: %s is %q, want %q", k, blocks[0].attrs[k], v)
		}
	}
	if r := blocks[0].attrs["reason"]; !strings.Contains(r, "confirmed: 3 matches in the last 60 windows of 1m") ||
		!strings.Contains(r, "the default is block for 1h") {
		t.Errorf("the reason is %q", r)
	}
	if r := alerts[0].attrs["reason"]; !strings.Contains(r, "not confirmed yet: match 1 of 3") {
		t.Errorf("the first reason is %q", r)
	}
	if len(alerts[0].attrs["id"]) != 36 || alerts[0].attrs["id"] >= blocks[0].attrs["id"] {
		t.Errorf("ids %q and then %q", alerts[0].attrs["id"], blocks[0].attrs["id"])
	}
	if n := strings.Count(out.String(), tuple); n != 40 {
		t.Errorf("the tuple is printed %d times, want once for each of 40 windows", n)
	}
	if n := testBell.take(); n == "" || strings.Trim(n, "\a") != "" {
		t.Errorf("the bell got %q, want rings", n)
	}
	if b := a.enforcer.List(); len(b) != 1 || b[0].Block.Tuple.String() != tuple || b[0].Block.ID != blocks[0].attrs["id"] {
		t.Errorf("the enforcer remembers %v", b)
	}
	stopped := book.find("stopped")
	if len(stopped) != 1 || stopped[0].attrs["flows"] != "40" || stopped[0].attrs["blocks"] != "1" {
		t.Errorf("the end is told as %v", stopped)
	}
}

// What was accepted when the signal comes is detected, decided and told.
func TestStopLosesNothing(t *testing.T) {
	const hosts = 200
	var batches [][]argusfeed.Flow
	perHost := make([][]argusfeed.Flow, hosts)
	for h := range perHost {
		perHost[h] = beacon(byte(h), 30, time.Minute)
	}
	for i := range 30 { // in the order of time
		var batch []argusfeed.Flow
		for h := range perHost {
			batch = append(batch, perHost[h][i])
		}
		batches = append(batches, batch)
	}
	ctx, cancel := context.WithCancel(t.Context())
	source := &fakeSource{name: "fake:", batches: batches, lasts: true, after: func(delivered int) {
		if delivered == 15 {
			cancel() // before anything can have been detected
		}
	}}
	a, book, out := testAgent(t, func(c *Config) { c.Report.Tuples = report.TuplesAll; c.Policy.Matches = 1 }, source)
	if err := a.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if s := a.detector.Stats(); s.Flows != hosts*30 || s.Dropped() != 0 {
		t.Errorf("%d flows were observed and %d dropped, want %d and none", s.Flows, s.Dropped(), hosts*30)
	}
	told := map[string]bool{}
	for _, l := range book.find("would block") {
		told[l.attrs["tuple"]] = true
	}
	if len(told) != hosts || a.enforcer.Len() != hosts {
		t.Errorf("%d tuples were told and %d are remembered as blocked, want %d", len(told), a.enforcer.Len(), hosts)
	}
	if n := strings.Count(out.String(), "Slot Started: "); n != 30 {
		t.Errorf("%d windows were printed, want 30", n)
	}
}

func TestSourcesThatFail(t *testing.T) {
	broken := errors.New("the cable is cut")
	for range 20 { // the end of the sources against what is still being decided
		sourcesThatFail(t, broken)
	}
}

func sourcesThatFail(t *testing.T, broken error) {
	t.Helper()
	good := &fakeSource{name: "good:", batches: [][]argusfeed.Flow{beacon(1, 40, time.Minute)}}
	bad := &fakeSource{name: "bad:", batches: [][]argusfeed.Flow{beacon(2, 3, time.Minute)}, err: broken}
	a, book, _ := testAgent(t, nil, bad, good)
	if err := a.Run(t.Context()); !errors.Is(err, broken) && (err == nil || !strings.Contains(err.Error(), "bad:")) {
		t.Errorf("the error is %v, want %v", err, broken)
	}
	if l := book.find("a source failed"); len(l) != 1 || l[0].attrs["source"] != "bad:" || l[0].attrs["error"] != broken.Error() {
		t.Errorf("told %v", l)
	}
	if s := a.detector.Stats(); s.Flows != 43 {
		t.Errorf("%d flows were observed, want those of both sources: 43", s.Flows)
	}
	if len(book.find("would block")) != 1 {
		t.Error("the flows of the other source were not decided")
	}
}

// Flows of the past are told but block nobody today; those from the future are
// left out.
func TestFlowsOfOtherTimes(t *testing.T) {
	old := beacon(1, 40, time.Minute)
	for i := range old {
		old[i].Start = old[i].Start.Add(-48 * time.Hour)
	}
	future := beacon(2, 3, time.Minute)
	for i := range future {
		future[i].Start = future[i].Start.Add(30 * 24 * time.Hour)
	}
	source := &fakeSource{name: "fake:", batches: [][]argusfeed.Flow{future, old}}
	a, book, _ := testAgent(t, nil, source)
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(book.find("alert")) == 0 || len(book.find("would block")) > 0 || a.enforcer.Len() > 0 {
		t.Error("flows of two days ago blocked, or were not told")
	}
	warned := 0
	for _, l := range book.lines {
		if l.level == slog.LevelWarn && strings.Contains(l.text, "from the future") {
			warned++
		}
	}
	if s := a.detector.Stats(); warned != 1 || s.Flows != 40 || a.detecting.future != 3 {
		t.Errorf("warned %d times, %d flows observed, %d left out; want 1, 40, 3", warned, s.Flows, a.detecting.future)
	}
}

// brokenPipe fails as a pipe does whose reader has gone.
type brokenPipe struct{ err error }

func (w brokenPipe) Write([]byte) (int, error) { return 0, w.err }

// A stage that fails ends the whole agent, a source that lasts included.
func TestOutputThatFails(t *testing.T) {
	gone := errors.New("nobody reads")
	flows := beacon(1, 200, time.Minute)
	source := &fakeSource{name: "fake:", batches: slices.Collect(slices.Chunk(flows, 1)), lasts: true}
	source.batches = source.batches[:60] // no more than the channel holds
	a, _, _ := testAgent(t, nil, source)
	a.printer = report.NewPrinter(brokenPipe{gone}, false, report.Config{Tuples: report.TuplesAll})
	set, cfg, err := modelsFor(a.cfg, a.log)
	if err != nil {
		t.Fatal(err)
	}
	if a.detector, err = detection.New(cfg, set, detection.Hooks{OnWindow: a.printer.Window}); err != nil {
		t.Fatal(err)
	}
	if err := a.Run(t.Context()); !errors.Is(err, gone) {
		t.Errorf("the error is %v, want %v", err, gone)
	}
}

func TestDetectOff(t *testing.T) {
	source := &fakeSource{name: "fake:", batches: [][]argusfeed.Flow{beacon(1, 40, time.Minute)}}
	a, book, out := testAgent(t, func(c *Config) { c.Agent.Mode = ModeDetectOff; c.Report.Tuples = report.TuplesAll }, source)
	if a.enforcer != nil || a.decider != nil {
		t.Error("an enforcer was made where nothing is detected")
	}
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), beaconTuple(1).String()); n != 40 {
		t.Errorf("the tuple is printed %d times, want 40", n)
	}
	if strings.Contains(out.String(), "Detected") || len(book.find("alert")) > 0 {
		t.Error("something was detected")
	}
}

// What [protect] names is told and not blocked.
func TestProtectedIsOnlyTold(t *testing.T) {
	source := &fakeSource{name: "fake:", batches: [][]argusfeed.Flow{beacon(1, 40, time.Minute)}}
	a, book, _ := testAgent(t, func(c *Config) {
		var n policy.Network
		if err := n.UnmarshalText([]byte("203.0.113.0/24 our servers")); err != nil {
			t.Fatal(err)
		}
		c.Protect.Networks = policy.Networks{n}
	}, source)
	if err := a.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	told := book.find("alert")
	last := told[len(told)-1].attrs["reason"]
	if len(book.find("would block")) > 0 || a.enforcer.Len() > 0 || !strings.Contains(last, "our servers") {
		t.Errorf("blocked, or not said why not: %q", last)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		change     func(*Config)
	}{
		{"configuration", "policy.matches: 0 is not allowed", func(c *Config) { c.Policy.Matches = 0 }},
		{"no such folder of models", "load models", func(c *Config) { c.Detection.Models = t.TempDir() + "/none" }},
		{"folder without models", "none of its files is a model", func(c *Config) { c.Detection.Models = t.TempDir() }},
		{"source", "there is no \"ftp\"", func(c *Config) { c.Sources = []SourceConfig{{URL: "ftp://x"}} }},
	} {
		c := testConfig()
		tt.change(&c)
		if a, err := New(Options{Config: c}); err == nil || !strings.Contains(err.Error(), tt.want) || a != nil {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestLive(t *testing.T) {
	for _, tt := range []struct {
		urls []string
		want bool
	}{
		{nil, true}, {[]string{"-"}, false}, {[]string{"spawn:"}, true}, {[]string{"-", "argus://h"}, true},
		{[]string{"follow:/var/log/argus.out"}, true},
		{[]string{"file:argus:x", "ra:-"}, false},
	} {
		var sources []SourceConfig
		for _, u := range tt.urls {
			sources = append(sources, SourceConfig{URL: u})
		}
		if got := live(sources); got != tt.want {
			t.Errorf("live(%v) is %v", tt.urls, got)
		}
	}
}
