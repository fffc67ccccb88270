// Command flowbench measures how fast we read what Argus records, beside ra: it
// has a real argus record made traffic, and then reads the file with ra and in
// our own ways, in turn, each in a process of its own. It prints how many times
// as fast as ra we are, and fails where our lines are not ra's.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
)

// stageEnv is set for a process that runs one stage and tells its parent.
const stageEnv = "FLOWBENCH_STAGE"

type options struct {
	flows   int
	mix     string
	seed    uint64
	rounds  int
	cache   string
	models  string
	json    bool
	stage   string
	profile string
	file    string
	record  bool
}

func main() {
	var o options
	flag.IntVar(&o.flows, "flows", 2_000_000, "flow `records` of the file that is made")
	flag.StringVar(&o.mix, "mix", mixes[0], "the `traffic`: "+strings.Join(mixes, ", "))
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the traffic")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds that count, after one that does not")
	flag.StringVar(&o.cache, "cache", filepath.Join("bin", "bench"), "`folder` that keeps the file for the next time")
	flag.StringVar(&o.models, "models", "", "`folder` of letters-models (default: the original's where SLIPS_REFERENCE has them, else those of the tests)")
	flag.BoolVar(&o.json, "json", false, "print the result as JSON")
	flag.StringVar(&o.stage, "stage", "", "run this `stage` only, in this process")
	flag.BoolVar(&o.record, "record", false, "only make the file, and print its path")
	flag.StringVar(&o.profile, "cpuprofile", "", "with -stage: write a profile to this `file`")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: flowbench [flags] [FILE.argus]")
		flag.PrintDefaults()
	}
	flag.Parse()
	o.file = flag.Arg(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "flowbench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, out, log io.Writer) error {
	if o.rounds < 1 || o.flows < 1 {
		return errors.New("rounds and flows must be 1 or more")
	}
	if err := checkMix(o.mix); err != nil {
		return err
	}
	in := input{file: o.file, models: o.models, out: out}
	if in.models == "" {
		in.models = defaultModels()
	}
	if in.file == "" {
		var err error
		if in.file, err = recorded(ctx, o.cache, o.mix, o.seed, o.flows, log); err != nil {
			return err
		}
	}
	if o.record {
		_, err := fmt.Fprintln(out, in.file)
		return err
	}
	if o.stage != "" {
		return only(o, in)
	}
	conf, err := writeRaConf()
	if err != nil {
		return fmt.Errorf("writing ra.conf: %w", err)
	}
	defer os.RemoveAll(conf)
	b := &bench{in: in, rounds: o.rounds, raConf: conf, log: log}
	r := newReport(in)
	if r.SameLines, err = b.verify(ctx); err != nil {
		return fmt.Errorf("comparing our lines with ra's: %w", err)
	}
	if r.Programs, err = b.measure(ctx); err != nil {
		return err
	}
	r.Records = r.Programs[0].Runs[0].Records
	if o.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return r.print(out)
}

// only runs one stage, for a parent or for a profile.
func only(o options, in input) error {
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
	result, err := runStage(o.stage, in)
	if err != nil {
		return fmt.Errorf("the stage %s: %w", o.stage, err)
	}
	to := os.Stderr
	if os.Getenv(stageEnv) != "" {
		to = os.NewFile(3, "result")
	}
	return json.NewEncoder(to).Encode(result)
}

// defaultModels are the sixteen of the original where there is reference data,
// else those that come with the tests of detection.
func defaultModels() string {
	if root := os.Getenv("SLIPS_REFERENCE"); root != "" {
		dir := filepath.Join(root, "models-original", "0.3.3")
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	return filepath.Join("detection", "testdata", "oracle", "models-tiny")
}
