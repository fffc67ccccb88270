package agent

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

func newRouter(t *testing.T) *lab.Router {
	t.Helper()
	r, err := lab.NewRouter()
	if errors.Is(err, lab.ErrUnavailable) {
		testenv.Skip(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// nft runs a script of nft(8) in a namespace.
func nft(t *testing.T, ns *lab.NS, script string) string {
	t.Helper()
	cmd := exec.Command(testenv.Program(t, "nft"), "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	out, err := ns.Output(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// enforcing runs an agent in enforce mode in a namespace, with its state in dir,
// until stop is called or the test ends.
func enforcing(t *testing.T, ns *lab.NS, dir string, change func(*Config)) (o operator, book *logBook, stop func()) {
	t.Helper()
	c := testConfig()
	c.Agent.Mode, c.Agent.State = ModeEnforce, dir
	if change != nil {
		change(&c)
	}
	book = &logBook{}
	opt := Options{Config: c, Log: slog.New(book), Bell: &testBell}
	opt.netns = ns.FD()
	a, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	a.sources = []argusfeed.Source{&fakeSource{name: "fake:", lasts: true}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error("the agent ended with", err)
		}
	}
	t.Cleanup(stop)
	testenv.Until(t, "the agent runs", a.running.Load)
	return operator{a}, book, stop
}

// labTuple is a tuple of the lab's client A and server.
func labTuple(port uint16) argusfeed.Tuple {
	return argusfeed.Tuple{
		Src: argusfeed.AddrFrom(lab.ClientA4), Dst: argusfeed.AddrFrom(lab.Server4),
		Port: argusfeed.PortNumber(port), Proto: argusfeed.ProtoTCP,
	}
}

func passes(r *lab.Router, port uint16, within time.Duration) bool {
	return r.ClientA.Reach("tcp", netip.AddrPortFrom(lab.Server4, port), within) == nil
}

const (
	passTime = 5 * time.Second
	dropTime = 300 * time.Millisecond
)

// After a reboot, which takes the table and leaves the history, the blocks are in
// force again with the time that they had left: by the agent, and before it by the
// command. What must not be any more is told to have ended.
func TestRestoredAfterReboot(t *testing.T) {
	r := newRouter(t)
	dir := t.TempDir()
	o, _, stop := enforcing(t, r.Router, dir, nil)
	for _, port := range []uint16{8080, 9090} {
		if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: labTuple(port), Duration: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	protected := beaconTuple(9)
	if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: protected, Duration: time.Hour}); err != nil {
		t.Fatal(err)
	}
	lifted := labTuple(7)
	if _, err := o.AddBlock(t.Context(), root, control.BlockRequest{Tuple: lifted, Duration: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.RemoveBlock(t.Context(), root, lifted.String()); err != nil {
		t.Fatal(err)
	}
	before, ok := o.enforcer.Lookup(labTuple(8080))
	if !ok || passes(r, 8080, dropTime) {
		t.Fatal("nothing is blocked")
	}
	stop()
	reboot := func() {
		t.Helper()
		nft(t, r.Router, "flush ruleset")
		if !passes(r, 8080, passTime) {
			t.Fatal("blocked without a table")
		}
	}
	check := func(who string) {
		t.Helper()
		if passes(r, 8080, dropTime) || passes(r, 9090, dropTime) {
			t.Errorf("%s: what was blocked passes", who)
		}
		if !passes(r, 7, passTime) {
			t.Errorf("%s: what was lifted is blocked again", who)
		}
	}
	protect := func(c *Config) {
		ip, _ := protected.Dst.IP()
		if err := c.Protect.Networks.UnmarshalTOML([]any{ip.String()}); err != nil {
			t.Fatal(err)
		}
	}

	reboot()
	c := testConfig()
	c.Agent.Mode, c.Agent.State = ModeEnforce, dir
	once, err := restoreOnce(t.Context(), c, r.Router.FD())
	if err != nil || once.Nothing != "" || once.Blocks != 3 || once.Failed != 0 {
		t.Fatalf("%+v, %v", once, err)
	}
	check("the command")

	reboot()
	o, book, stop := enforcing(t, r.Router, dir, protect)
	check("the agent")
	after, ok := o.enforcer.Lookup(labTuple(8080))
	if d := after.Until.Sub(before.Until); !ok || d > time.Second || d < -time.Second || after.Block.ID != before.Block.ID {
		t.Errorf("until %v, was until %v", after.Until, before.Until)
	}
	if len(book.find("restored blocks of before")) != 1 {
		t.Error("it is not told")
	}
	list, err := o.Blocks(t.Context(), control.BlockQuery{})
	if err != nil || list.Total != 2 || list.Blocks[0].By == nil {
		t.Errorf("%+v, %v", list, err)
	}
	flushHistory(t, o.Agent)
	page, err := o.Events(t.Context(), history.Query{Kinds: []history.Kind{history.KindLift}, Tuple: protected.String()})
	if err != nil || len(page.Events) != 1 || page.Events[0].Block.End != history.EndProtected {
		t.Errorf("%+v, %v", page, err)
	}
	stop()
	// A restart alone restores nothing and tells nothing.
	_, book, _ = enforcing(t, r.Router, dir, protect)
	if len(book.find("restored blocks of before")) != 0 {
		t.Error("a restart restored what was there")
	}
	check("a restart")
}

func flushHistory(t *testing.T, a *Agent) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := a.kept.history.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// Where there is nothing to restore, the command says why.
func TestNothingToRestore(t *testing.T) {
	c := testConfig()
	c.Agent.State = t.TempDir()
	say := func(want string) {
		t.Helper()
		r, err := RestoreOnce(t.Context(), c)
		if err != nil || !strings.Contains(r.Nothing, want) {
			t.Errorf("%+v, %v, want %q", r, err, want)
		}
	}
	say("the mode is dry-run")
	c.Agent.Mode = ModeEnforce
	say("no block is in force")
	if err := (pauseMark{Paused: Paused{Since: time.Now()}}).write(filepath.Join(c.Agent.State, PauseFile)); err != nil {
		t.Fatal(err)
	}
	say("all blocking is paused")
	c.Agent.State = ""
	say("no state is kept")
}

// A clock that is wrong makes no block longer than it was, and what a pause ended
// is not restored.
func TestLeftOf(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(since, until time.Duration) history.Block {
		return history.Block{Block: policy.Block{Duration: time.Hour}, Since: now.Add(since), Until: now.Add(until)}
	}
	known := []history.Block{at(-30*time.Minute, 30*time.Minute), at(300*24*time.Hour, 301*24*time.Hour), at(-2*time.Hour, -time.Hour), at(-50*time.Minute, 10*time.Minute)}
	_, left := leftOf(known, now, now.Add(-40*time.Minute))
	if len(left) != 2 || left[0].Duration != 30*time.Minute || left[1].Duration != time.Hour {
		t.Errorf("%+v", left)
	}
}
