// Command goals measures how far we are from what we want of speed and size, and
// prints each goal beside its figure. With -svg it draws the curves of docs/, too.
// Each figure comes from a process of its own. Others on the machine cost us more
// than they cost themselves: the processor time is told beside the clock's.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

type options struct {
	office, once, models string
	binary, soak         string
	rounds, tuples       int
	flows                int
	stage, profile       string
	svg                  string
	only                 string
	json                 bool
}

func main() {
	var o options
	flag.StringVar(&o.office, "office", "", "`file` of flowbench -record")
	flag.StringVar(&o.once, "once", "", "`file` of flowbench -mix once -record")
	flag.StringVar(&o.models, "models", "", "`folder` of the sixteen models of the original; empty: goals with these are left out")
	flag.StringVar(&o.binary, "binary", "", "the agent, for the idle figures; empty: these are left out")
	flag.StringVar(&o.soak, "soak", "", "bin/soak, for the time to the kernel (as root); empty: it is left out")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds, of which the best counts by the clock and the least by processor time")
	flag.IntVar(&o.tuples, "tuples", 10_000_000, "tuples that are held")
	flag.IntVar(&o.flows, "flows", 3_000_000, "flows of a point of a curve")
	flag.StringVar(&o.svg, "svg", "", "draw the curves in this `folder`")
	flag.StringVar(&o.only, "only", "", "measure only goals with this in their names")
	flag.BoolVar(&o.json, "json", false, "print the figures as JSON")
	flag.StringVar(&o.stage, "stage", "", "run one `stage` in this process and print what it measured")
	flag.StringVar(&o.profile, "cpuprofile", "", "with -stage: write a profile to this `file`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "goals:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out, log io.Writer) error {
	if o.stage != "" {
		return only(ctx, o, out)
	}
	if o.svg != "" {
		return drawCurves(ctx, o, log)
	}
	all, err := measureGoals(ctx, o, log)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(out).Encode(all)
	}
	return printGoals(out, all)
}

// only runs one stage in this process.
func only(ctx context.Context, o options, out io.Writer) error {
	name, arg, _ := strings.Cut(o.stage, ":")
	n, err := strconv.Atoi(arg)
	if arg != "" && err != nil {
		return fmt.Errorf("the stage %s: %w", o.stage, err)
	}
	s, ok := stages[name]
	if !ok {
		return fmt.Errorf("there is no stage %q", name)
	}
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	f, err := s(ctx, o, n)
	if err != nil {
		return fmt.Errorf("the stage %s: %w", o.stage, err)
	}
	return json.NewEncoder(out).Encode(f)
}

// figures are what a stage measured.
type figures struct {
	Flows uint64 `json:"flows,omitempty"`
	// Seconds are by the clock, CPU of the processors.
	Seconds float64 `json:"seconds,omitempty"`
	CPU     float64 `json:"cpu_seconds,omitempty"`
	// Allocs are objects put on the heap, for all flows.
	Allocs uint64 `json:"allocs,omitempty"`
	// Resident is the peak of resident memory, in bytes, Heap what is live.
	Resident uint64  `json:"resident_bytes,omitempty"`
	Heap     uint64  `json:"heap_bytes,omitempty"`
	Tuples   int     `json:"tuples,omitempty"`
	P99      float64 `json:"p99_seconds,omitempty"`
}

func (f figures) perSecond() float64    { return float64(f.Flows) / max(f.Seconds, 1e-9) }
func (f figures) perSecondCPU() float64 { return float64(f.Flows) / max(f.CPU, 1e-9) }

// child runs a stage in a process of its own that may use so many cores.
func child(ctx context.Context, o options, stage string, procs int) (f figures, err error) {
	self, err := os.Executable()
	if err != nil {
		return f, err
	}
	cmd := exec.CommandContext(ctx, self, "-stage", stage, "-office", o.office, "-once", o.once, "-models", o.models,
		"-binary", o.binary, "-flows", strconv.Itoa(o.flows))
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(procs))
	cmd.Stderr = os.Stderr
	b, err := cmd.Output()
	if err != nil {
		return f, fmt.Errorf("the stage %s: %w", stage, err)
	}
	return f, json.Unmarshal(b, &f)
}

// best runs a stage a few times, and gives the least of both times.
func best(ctx context.Context, o options, stage string, procs int) (figures, error) {
	var all []figures
	for range o.rounds {
		f, err := child(ctx, o, stage, procs)
		if err != nil {
			return f, err
		}
		all = append(all, f)
	}
	least := slices.MinFunc(all, func(a, b figures) int { return int((a.Seconds - b.Seconds) * 1e9) })
	for _, f := range all {
		least.CPU = min(least.CPU, f.CPU)
	}
	return least, nil
}
