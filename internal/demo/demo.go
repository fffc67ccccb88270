//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"slips-ips/internal/lab"
)

// demo is one run through all steps, in one mode.
type demo struct {
	binary, mode string
	pipe         bool   // fed by ra, as the original was
	look         string // who looks on, when the beacon is blocked
	verbose      bool
	out          io.Writer

	net     *lab.Router
	dir     string // scratch files
	agent   *agent
	beacon  *beacon
	blocked event // the decision that blocked, or would have
	before  string
	began   time.Time
	steps   int
}

// adminRules stand for the firewall that the router has already: the agent
// must live beside it, and block what it accepts.
const adminRules = `
table inet admin {
	chain forward {
		type filter hook forward priority filter; policy accept;
		ct state established,related accept
	}
}
`

// config is the agent's configuration: the shipped defaults but for the
// duration of a block, so that its end can be seen, and with renewal off, since
// the demonstration stops the beacon itself. The shipped rules block what is nearly sure, and nothing is after a minute
// against a server that others talk to as well: here ten matches are enough.
const config = `
[policy]
rule = []
matches = 10
duration = "8s"
renew = 0
[report]
tuples = "all"
[detection]
width = "10s"
`

// beaconEvery is how often the client calls: as fast as malware in a hurry, so
// that nobody waits long for the matches that the policy asks for.
const beaconEvery = 1250 * time.Millisecond

func (d *demo) run(ctx context.Context) (err error) {
	d.began = time.Now()
	if d.dir, err = os.MkdirTemp("", "slips-ips-demo-"); err != nil {
		return err
	}
	defer os.RemoveAll(d.dir)
	if d.binary, err = filepath.Abs(d.binary); err != nil {
		return err
	}
	d.say("slips-ips in %s mode: client A and client B - router - server, in network namespaces of their own\n", d.mode)
	defer func() {
		if d.beacon != nil {
			d.beacon.stop()
		}
		if d.agent != nil {
			d.agent.kill()
		}
		if d.net != nil {
			d.net.Close()
		}
	}()
	start := "start the agent, with an argus of its own on the router's LAN side"
	if d.pipe {
		start = "start a real argus on the router's LAN side, a real ra, and the agent"
	}
	steps := []step{
		{"build two clients, a router with a firewall of its own, and a server", d.build},
		{"before: A reaches the server's ports 80 and 8080, B reaches port 80", d.reachAll},
		{start, d.start},
		{fmt.Sprintf("A beacons to port 80 every %s; B and A's other traffic come and go as people's do", beaconEvery), d.startBeacon},
	}
	switch {
	case d.mode == "enforce" && d.look != "":
		steps = append(steps,
			step{"the beacon's tuple is detected and confirmed, and the kernel has the block", d.waitBlocked},
			step{"the router drops it: A's connection to port 80 gets no answer", d.dropped},
			step{"somebody looks on", d.lookOn})
	case d.mode == "enforce":
		steps = append(steps,
			step{"the beacon's tuple is detected and confirmed, and the kernel has the block", d.waitBlocked},
			step{"the router drops it: A's connection to port 80 gets no answer", d.dropped},
			step{"nothing else is cut: A to port 8080, A to port 80 over IPv6, and B to port 80 still work", d.restWorks},
			step{"the firewall that was there before is as it was", d.adminUntouched},
			step{"the block ends by itself in the kernel: A reaches port 80 again", d.passesAgain})
	case d.mode == "dry-run":
		steps = append(steps,
			step{"the beacon's tuple is detected and confirmed, and the agent tells what it would block", d.waitBlocked},
			step{"nothing is dropped: A reaches port 80 all the time", d.reachAll},
			step{"nothing is in the kernel: the ruleset is the same, byte for byte", d.rulesetSame})
	case d.mode == "detect-off":
		steps = append(steps,
			step{"after as many contacts as a detection needs, the tuples are printed and nothing is detected", d.onlyTuples},
			step{"nothing is in the kernel: the ruleset is the same, byte for byte", d.rulesetSame})
	default:
		return fmt.Errorf("there is no mode %q; use enforce, dry-run or detect-off", d.mode)
	}
	steps = append(steps, step{"a clean stop: the agent ends with exit status 0, having lost nothing it had accepted", d.stop})
	for _, s := range steps {
		if err := d.do(ctx, s); err != nil {
			return err
		}
	}
	d.say("\nall %d steps passed in %s\n", d.steps, time.Since(d.began).Round(time.Second))
	return nil
}

// step is something to do and what it proves.
type step struct {
	proves string
	do     func(context.Context) error
}

func (d *demo) do(ctx context.Context, s step) error {
	d.steps++
	d.say("%2d. %s ... ", d.steps, s.proves)
	begun := time.Now()
	if err := s.do(ctx); err != nil {
		d.say("FAILED\n    %v\n", err)
		if d.agent != nil {
			d.say("    the agent said:\n%s\n", d.agent.tail())
		}
		return fmt.Errorf("step %d (%s): %w", d.steps, s.proves, err)
	}
	d.say("yes (%.1f s)\n", time.Since(begun).Seconds())
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format, args...) }

func (d *demo) build(context.Context) (err error) {
	if d.net, err = lab.NewRouter(); err != nil {
		return err
	}
	load := exec.Command("nft", "-f", "-")
	load.Stdin = strings.NewReader(adminRules)
	if _, err := d.net.Router.Output(load); err != nil {
		return err
	}
	d.before, err = d.ruleset()
	return err
}

func (d *demo) ruleset() (string, error) {
	return d.net.Router.Output(exec.Command("nft", "list", "ruleset"))
}

// patience is how long one connection may take: all are local.
const patience = time.Second

func server(port uint16) netip.AddrPort  { return netip.AddrPortFrom(lab.Server4, port) }
func server6(port uint16) netip.AddrPort { return netip.AddrPortFrom(lab.Server6, port) }

func (d *demo) reachAll(context.Context) error {
	return errors.Join(d.get(d.net.ClientA, server(80)), d.net.ClientA.Reach("tcp", server(8080), patience),
		d.get(d.net.ClientB, server(80)))
}

// get fetches a page over a connection of its own.
func (d *demo) get(from *lab.NS, to netip.AddrPort) error {
	resp, err := from.HTTPClient(patience).Get("http://" + to.String() + "/")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func (d *demo) start(ctx context.Context) (err error) {
	d.agent, err = startAgent(ctx, d)
	return err
}

func (d *demo) startBeacon(ctx context.Context) error {
	d.beacon = startBeacon(ctx, d)
	return nil
}

// waitBlocked waits for the decision and, in enforce mode, looks for the
// element in the kernel.
func (d *demo) waitBlocked(ctx context.Context) (err error) {
	want := "blocked"
	if d.mode == "dry-run" {
		want = "would block"
	}
	tuple := fmt.Sprintf("%s-%s-80-tcp", lab.ClientA4, lab.Server4)
	if d.blocked, err = d.agent.wait(ctx, func(e event) bool { return e.Msg == want && e.Tuple == tuple }); err != nil {
		return fmt.Errorf("no %q of %s: %w", want, tuple, err)
	}
	contacts := d.beacon.contacts()
	d.beacon.stop()
	d.say("\n    after %d contacts: %s\n    ", contacts, d.blocked.Reason)
	if d.mode == "dry-run" {
		return nil
	}
	table, err := d.net.Router.Output(exec.Command("nft", "list", "table", "inet", "slips"))
	if err != nil {
		return err
	}
	for line := range strings.Lines(table) {
		if strings.Contains(line, lab.ClientA4.String()) && strings.Contains(line, d.blocked.ID) {
			d.say("in the kernel: %s\n    ", strings.TrimSpace(line))
			return nil
		}
	}
	return fmt.Errorf("the table has no element for the decision %s:\n%s", d.blocked.ID, table)
}

func (d *demo) dropped(context.Context) error {
	if err := d.net.ClientA.Reach("tcp", server(80), patience); err == nil {
		return errors.New("port 80 still answers A")
	}
	return nil
}

// lookOn runs a command that looks at the agent.
func (d *demo) lookOn(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", d.look)
	cmd.Env = append(os.Environ(), "SLIPS_SOCKET="+d.socket())
	cmd.Stdout, cmd.Stderr = d.out, os.Stderr
	return cmd.Run()
}

// socket is the agent's, where somebody looks at it: others may run on this machine.
func (d *demo) socket() string {
	if d.look == "" {
		return ""
	}
	return filepath.Join(d.dir, "control.sock")
}

func (d *demo) restWorks(context.Context) error {
	return errors.Join(d.net.ClientA.Reach("tcp", server(8080), patience),
		d.get(d.net.ClientA, server6(80)), d.get(d.net.ClientB, server(80)))
}

func (d *demo) adminUntouched(context.Context) error {
	now, err := d.net.Router.Output(exec.Command("nft", "list", "table", "inet", "admin"))
	if err != nil {
		return err
	}
	if !strings.Contains(d.before, now) {
		return fmt.Errorf("it was:\n%s\nand is:\n%s", d.before, now)
	}
	return nil
}

func (d *demo) passesAgain(ctx context.Context) error {
	if _, err := d.agent.wait(ctx, func(e event) bool { return e.Msg == "block ended" && e.ID == d.blocked.ID }); err != nil {
		return fmt.Errorf("the agent did not say that the block ended: %w", err)
	}
	// The agent's clock and the kernel's differ by some milliseconds.
	for deadline := time.Now().Add(5 * time.Second); ; {
		err := d.get(d.net.ClientA, server(80))
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
	}
}

func (d *demo) rulesetSame(context.Context) error {
	now, err := d.ruleset()
	if err != nil {
		return err
	}
	if now != d.before {
		return fmt.Errorf("the ruleset was:\n%s\nand is:\n%s", d.before, now)
	}
	return nil
}

// enoughContacts is more than the built-in model asks for.
const enoughContacts = 30

func (d *demo) onlyTuples(ctx context.Context) error {
	for d.beacon.contacts() < enoughContacts {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(beaconEvery / 4):
		}
	}
	d.beacon.stop()
	tuple := fmt.Sprintf("%s-%s-80-tcp", lab.ClientA4, lab.Server4)
	if err := d.agent.waitPrinted(ctx, tuple); err != nil {
		return err
	}
	if e, ok := d.agent.find(func(e event) bool { return e.Tuple != "" }); ok {
		return fmt.Errorf("the agent decided about %s: %s", e.Tuple, e.Msg)
	}
	return nil
}

func (d *demo) stop(ctx context.Context) error {
	err := d.agent.stop(ctx)
	if err != nil || d.mode == "enforce" {
		return err
	}
	return d.rulesetSame(ctx)
}
