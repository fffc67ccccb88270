package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"slips-ips/agent/control"
	"slips-ips/argusfeed"
	"slips-ips/internal/lab"
	"slips-ips/internal/testenv"
	"slips-ips/policy"
)

// realAgent is an agent in enforce mode in a network namespace of its own.
type realAgent struct {
	t      *testing.T
	ns     *lab.NS
	socket string
	conf   string
	flows  string // the file that it follows
	cmd    *exec.Cmd
}

// newRealAgent starts one that has seen the flows of setup, of the last two hours.
func newRealAgent(t *testing.T) *realAgent {
	t.Helper()
	testenv.Root(t)
	testenv.Program(t, "nft")
	ns, err := lab.NewNS("agent")
	if errors.Is(err, lab.ErrUnavailable) {
		testenv.Skip(t, err.Error())
	} else if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(ns.Close)
	dir := t.TempDir()
	a := &realAgent{t: t, ns: ns, socket: filepath.Join(dir, "c.sock"), conf: filepath.Join(dir, "slips.toml"), flows: filepath.Join(dir, "flows.binetflow")}
	write(t, a.flows, flows(60, time.Now().UTC().Add(-2*time.Hour)))
	write(t, a.conf, `
[agent]
mode = "enforce"
socket = "`+a.socket+`"
state = "`+filepath.Join(dir, "state")+`"
[[source]]
url = "follow:`+a.flows+`"
[policy]
matches = 2
rule = []
`)
	a.start()
	t.Cleanup(a.stop)
	return a
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (a *realAgent) start() {
	a.t.Helper()
	program, err := exec.LookPath("slips-ips")
	if err != nil {
		a.t.Fatal(err)
	}
	a.cmd = exec.Command(program, "run", "-c", a.conf, "--tuples", "none")
	if err := a.ns.Start(a.cmd); err != nil {
		a.t.Fatal(err)
	}
}

func (a *realAgent) stop() {
	if a.cmd == nil {
		return
	}
	_ = a.cmd.Process.Signal(os.Interrupt)
	_ = a.cmd.Wait() // what its exit status should be, other tests say
	a.cmd = nil
}

// kernel gives the agent's table as nft shows it.
func (a *realAgent) kernel() string {
	a.t.Helper()
	out, err := a.ns.Output(exec.Command("nft", "list", "table", "inet", "slips"))
	if err != nil {
		a.t.Fatal(err)
	}
	return out
}

// ask runs a command with --json and reads its answer.
func (a *realAgent) ask(answer any, args ...string) {
	a.t.Helper()
	code, out, errout := command(a.t, a.socket, append(args, "--json")...)
	if err := json.Unmarshal([]byte(out), answer); code != 0 || err != nil {
		a.t.Fatalf("%v: exit status %d, %v: %s%s", args, code, err, out, errout)
	}
}

func (a *realAgent) blocks() []control.BlockInfo {
	a.t.Helper()
	var list control.BlockList
	a.ask(&list, "block", "list")
	return list.Blocks
}

// happens appends a flow that begins now.
func (a *realAgent) happens(source string) {
	a.t.Helper()
	src, err := argusfeed.ParseAddr([]byte(source))
	if err != nil {
		a.t.Fatal(err)
	}
	f := argusfeed.Flow{
		Tuple: argusfeed.Tuple{Src: src, Dst: argusfeed.AddrFrom4([4]byte{198, 51, 100, 9}), Port: argusfeed.PortNumber(22), Proto: argusfeed.ProtoTCP},
		Sport: argusfeed.PortNumber(50000), Start: argusfeed.TimeOf(time.Now()), Dur: 300 * time.Millisecond, Packets: 10, Bytes: 90, Dir: argusfeed.DirTo, State: "FSPA_FSPA",
	}
	file, err := os.OpenFile(a.flows, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		a.t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Write(append(new(argusfeed.RaPrinter).AppendFlow(nil, &f), '\n')); err != nil {
		a.t.Fatal(err)
	}
}

// sameTimes takes out of a screen what is not the same in each run.
func sameTimes(screen string) string {
	for _, r := range []struct{ pattern, by string }{
		{`\d\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d\d\d\d-\d\d-\d\d \d\d:\d\d|\d\d:\d\d:\d\d`, "TIME"},
		{`blocked +(\d+[hms])+`, "blocked LEFT"},
		{`\d+ (more|problems)`, "N $1"},
		{`tuples [\d ]+/`, "tuples N/"},
		{`slips-ips \S+ +ENFORCE`, "slips-ips VERSION ENFORCE"},
		{`\d+\.\d flows/s`, "N flows/s"},
		{` +\n`, "\n"},
	} {
		screen = regexp.MustCompile(r.pattern).ReplaceAllString(screen, r.by)
	}
	return screen
}

// Each key that changes something, against a real agent and the kernel.
func TestTopActs(t *testing.T) {
	a := newRealAgent(t)
	testenv.Until(t, "the agent answers", func() bool {
		code, _, _ := command(t, a.socket, "status")
		return code == 0
	})
	s := inTmux(t, 80, 24, nil, "--socket", a.socket, "top", "--every", "250ms", "--rate", "0")
	const beacon = "10.77.0.1-203.0.113.9-8080-tcp"
	s.keys("1")
	s.waits("^> blocked .*" + beacon)
	golden(t, "top-real.txt", sameTimes(s.still("tuples 6/(.|\n)*^why .* matches From-")))
	if got := a.kernel(); !strings.Contains(got, "203.0.113.9 ") {
		t.Fatalf("not in the kernel:\n%s", got)
	}

	s.keys("Enter")
	s.waits("^verdict +Blocked until")
	s.keys("u")
	s.waits("Lift the block of " + beacon)
	s.keys("n")
	s.waits("nothing was changed")
	if len(a.blocks()) != 1 {
		t.Fatal("n has lifted the block")
	}
	s.keys("u")
	s.waits("Lift the block of " + beacon)
	s.keys("y")
	s.waits("lifted the block of " + beacon)
	if b := a.blocks(); len(b) != 0 || strings.Contains(a.kernel(), "203.0.113.9 ") {
		t.Fatalf("lifted, and still there: %+v\n%s", b, a.kernel())
	}
	s.keys("Escape")

	// Block a tuple that is seen; its letters grow meanwhile.
	s.waits("nothing is blocked")
	s.keys("3")
	s.waits("LETTERS")
	s.keys("/")
	s.waits("Show only")
	s.types("10.77.0.12")
	s.keys("Enter")
	s.waits("only 10.77.0.12")
	before := s.waits("^> +10.77.0.12-198.51.100.9-22-tcp +1 ")
	a.happens("10.77.0.12")
	grown := s.waits("^> +10.77.0.12-198.51.100.9-22-tcp +2 ")
	if letters := regexp.MustCompile(`(?m)^> +10\.77\.0\.12-\S+ +\d+ +(\S+)`); len(letters.FindStringSubmatch(grown)[1]) <= len(letters.FindStringSubmatch(before)[1]) {
		t.Errorf("the letters did not grow:\n%s\n%s", before, grown)
	}
	s.keys("b")
	s.waits("^tuple +10.77.0.12-198.51.100.9-22-tcp")
	s.keys("Tab", "Tab")
	s.types("2h")
	s.keys("Tab", "Tab")
	s.types("ticket 4711")
	s.keys("Enter", "Enter")
	s.waits("Block 10.77.0.12-198.51.100.9-22-tcp, for 2h")
	s.keys("y")
	s.waits("blocked: 10.77.0.12 to 198.51.100.9 port 22, tcp, until")
	s.waits("^> blocked +10.77.0.12")
	if b := a.blocks(); len(b) != 1 || b[0].State != "blocked" || !strings.Contains(b[0].Reason, "ticket 4711") || b[0].By == nil || b[0].Until.Sub(b[0].Since).Round(time.Minute) != 2*time.Hour {
		t.Fatalf("%+v", b)
	}
	if got := a.kernel(); !strings.Contains(got, "10.77.0.12 ") {
		t.Fatalf("not in the kernel:\n%s", got)
	}

	// Allow it: the block ends at once.
	s.keys("a")
	s.waits("^address +198.51.100.9")
	s.keys("C-t")
	s.waits("^address +10.77.0.12")
	s.keys("Tab", "C-u")
	s.types("3d")
	s.keys("Tab")
	s.types("our backup")
	s.keys("Enter")
	s.waits("Never block 10.77.0.12, for 3d")
	s.keys("y")
	s.waits("10.77.0.12 is not blocked, for 3d; 1 block was lifted")
	if b := a.blocks(); len(b) != 0 || strings.Contains(a.kernel(), "10.77.0.12 ") {
		t.Fatalf("allowed, and blocked: %+v\n%s", b, a.kernel())
	}
	allowed := func() (entry *control.Allow) {
		var list control.AllowList
		a.ask(&list, "allow", "list")
		for i := range list.Allows {
			if list.Allows[i].From == control.FromAllow {
				entry = &list.Allows[i]
			}
		}
		return entry
	}
	if e := allowed(); e == nil || !strings.HasPrefix(e.Network, "10.77.0.12") || e.Comment != "our backup" || time.Until(e.Until).Round(time.Hour) != 72*time.Hour {
		t.Errorf("%+v", e)
	}
	s.keys("b")
	s.waits("^tuple +10.77.0.12")
	s.keys("Enter", "Enter", "Enter", "Enter", "Enter", "Enter")
	s.waits("yes, do it")
	s.keys("y")
	s.waits("^refused: asked for by root")
	s.waits("overridden by force")
	if b := a.blocks(); len(b) != 0 {
		t.Errorf("%+v", b)
	}
	s.keys("4")
	s.waits("^> allow +10.77.0.12")
	s.keys("u")
	s.waits("End the entry of 10.77.0.12")
	s.keys("y")
	s.waits("10.77.0.12\\S* may be blocked again")
	if e := allowed(); e != nil {
		t.Errorf("%+v", e)
	}

	// Block all of a destination; lift it by way of another tuple that it stops.
	s.keys("3")
	s.waits("^> +10.77.0.12-198.51.100.9-22-tcp")
	s.keys("b", "Tab", "d")
	s.waits("^scope +destination  all to and from its destination")
	s.keys("Enter", "Enter", "Enter", "Enter", "Enter", "Enter")
	s.waits("Block everything to and from 198.51.100.9, as long as the policy says")
	s.keys("y")
	s.waits("blocked: everything to and from 198.51.100.9, until")
	if b := a.blocks(); len(b) != 1 || b[0].Scope != policy.ScopeDestination || !regexp.MustCompile(`set dest4 {[^}]*elements = { 198\.51\.100\.9 `).MatchString(a.kernel()) {
		t.Fatalf("%+v\n%s", b, a.kernel())
	}
	s.keys("1")
	s.waits("^> blocked .* all to 198.51.100.9 ")
	s.keys("Escape")
	s.waits("1 Blocks 1 ") // without a filter
	s.keys("3", "/")
	s.waits("Show only")
	s.types("10.77.0.11")
	s.keys("Enter")
	s.waits("^> blocked +10.77.0.11-198.51.100.9-22-tcp")
	s.keys("u")
	s.waits("Lift the block of 10.77.0.12-198.51.100.9-22-tcp, everything to and from")
	s.keys("y")
	s.waits("^lifted the block of 10.77.0.12-198.51.100.9-22-tcp")
	if b := a.blocks(); len(b) != 0 || strings.Contains(a.kernel(), "elements = { 198.51.100.9 ") {
		t.Fatalf("lifted, and still there: %+v\n%s", b, a.kernel())
	}
	s.waits("^> +10.77.0.11-198.51.100.9-22-tcp")
	s.keys("u")
	s.waits("10.77.0.11-198.51.100.9-22-tcp is not blocked")

	// A name with escape sequences in it, from a feed.
	a.happens("h\x1b[2J\u202egnp")
	s.keys("Escape")
	s.waits("10.77.0.10-")
	s.keys("s")
	s.waits(`h\?\[2J\?gnp-198\.51\.100\.9-22-tcp`)

	// The agent goes, and comes back.
	a.stop()
	s.waits("NO ANSWER since .* no agent answers at")
	a.start()
	s.waits("the agent was started anew, process")
	s.keys("q")
	if status, _ := s.ends(); status != "0" {
		t.Errorf("exit status %s", status)
	}
}
