//go:build linux

// Command soak runs the agent for a long time under a steady load, with all
// reports on, in namespaces of its own, and measures what an admin would fear:
// memory that grows, flows that are lost, decisions that come late. With -disturb
// it also fills the disk, lets the webhook hang, reads slowly from the control
// socket and reloads in a loop, and compares each with the undisturbed agent of
// the same run.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"slips-ips/detection"
)

type options struct {
	binary, argus, records string
	agentLog               string
	rate, scan             float64
	duration, warm         time.Duration
	phase, rest            time.Duration
	beacons, tuples        int
	every, sample          time.Duration
	disturb, bare, json    bool
	diskMiB, clients       int
	rounds                 int
	hupEvery               time.Duration

	maxRatio, maxGrowth float64
	maxP99              time.Duration
}

func (o *options) register(fs *flag.FlagSet) {
	fs.StringVar(&o.binary, "binary", "bin/slips-ips", "the agent")
	fs.StringVar(&o.argus, "argus", "", "`file` of argus that is sent over and over, with times of now (flowbench -record makes it)")
	fs.StringVar(&o.records, "records", "joined", "what the agent makes of the records: joined, or single, which leaves out the wait for the end of a connection")
	fs.Float64Var(&o.rate, "rate", 10_000, "flow records a second")
	fs.Float64Var(&o.scan, "scan", 0, "flow records a second of a scan besides: a SYN each, to an address that never comes again")
	fs.DurationVar(&o.duration, "for", 30*time.Minute, "how long is measured, without -disturb")
	fs.DurationVar(&o.warm, "warm", time.Minute, "how long before that, for the beacons to become known")
	fs.IntVar(&o.beacons, "beacons", 40, "beacons, whose connections are timed")
	fs.IntVar(&o.tuples, "tuples", detection.DefaultConfig().MaxTuples, "tuples that the agent holds at most")
	fs.DurationVar(&o.every, "every", 2*time.Second, "period of a beacon")
	fs.DurationVar(&o.sample, "sample", 2*time.Second, "how often memory and counters are read")
	fs.BoolVar(&o.disturb, "disturb", false, "disturb the agent, phase by phase")
	fs.DurationVar(&o.phase, "phase", 30*time.Second, "with -disturb: the length of a phase")
	fs.DurationVar(&o.rest, "rest", 10*time.Second, "with -disturb: the time after a disturbance that is not counted")
	fs.IntVar(&o.rounds, "rounds", 4, "with -disturb: how often there is each disturbance")
	fs.DurationVar(&o.hupEvery, "hup-every", 250*time.Millisecond, "with -disturb: the pause between two SIGHUP")
	fs.IntVar(&o.clients, "clients", 32, "with -disturb: clients that read a byte a second")
	fs.IntVar(&o.diskMiB, "disk", 256, "size of the disk for the history and EVE, `MiB`")
	fs.BoolVar(&o.bare, "bare", false, "without history, control socket, metrics and reports, to compare")
	fs.StringVar(&o.agentLog, "agent-log", "", "keep the agent's log in this `file`")
	fs.BoolVar(&o.json, "json", false, "print the result as JSON, samples included")
	fs.Float64Var(&o.maxRatio, "max-ratio", 1.2, "with -disturb: the most that a phase's p99 may be of the undisturbed one; 0: any")
	fs.Float64Var(&o.maxGrowth, "max-growth", 1.1, "the most that memory may be in the last third of what it was in the middle third; 0: any")
	fs.DurationVar(&o.maxP99, "max-p99", 0, "the longest p99 allowed; 0: any")
}

func main() {
	var o options
	o.register(flag.CommandLine)
	flag.Parse()
	if os.Getenv(childEnv) == "" {
		os.Exit(again())
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := measure(ctx, o, os.Stdout, os.Stderr); {
	case errors.Is(err, errBroken):
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

var errBroken = errors.New("a bound is broken")

func measure(ctx context.Context, o options, out, log io.Writer) error {
	if o.bare && o.disturb {
		return errors.New("-bare leaves nothing to disturb")
	}
	if o.argus == "" {
		return errors.New("-argus is missing: a file of argus, such as flowbench -record makes")
	}
	if o.disturb && (o.phase <= 0 || o.rest < 0 || o.rounds < 1) {
		return errors.New("-phase and -rounds must be above 0, -rest not below")
	}
	if o.rate <= 0 || o.scan < 0 || o.beacons < 1 || o.beacons > 200 || o.every <= 0 {
		return errors.New("-rate and -every must be above 0, -scan not below, -beacons 1 to 200")
	}
	r, err := soak(ctx, o, log)
	if err != nil {
		return err
	}
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", " ")
		err = e.Encode(r)
	} else {
		r.print(out)
	}
	if err == nil && len(r.Broken) > 0 {
		err = errBroken
	}
	return err
}

// childEnv is set for the process that has a mount namespace of its own.
const childEnv = "SOAK_CHILD"

// again runs this program in a mount namespace of its own, so that no mount is
// left however it ends, and gives its exit code.
func again() int {
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	// Unshareflags makes all mounts private, so that those of the child stay there.
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	signal.Ignore(os.Interrupt) // the child ends in order
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, "soak: needs root, for namespaces:", err)
		return 1
	}
	return cmd.ProcessState.ExitCode()
}
