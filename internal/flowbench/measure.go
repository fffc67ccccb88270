package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"slips-ips/packaging"
)

// bench measures ra and the stages on one file.
type bench struct {
	in     input
	rounds int
	raConf string
	log    io.Writer
}

// runOf is what one run of a program took.
type runOf struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
	stageResult
}

// measured is what all rounds of one program took. Ratio compares with ra in the
// same round, by the clock: ra's seconds over ours.
type measured struct {
	Name    string    `json:"name"`
	What    string    `json:"what"`
	Cores   int       `json:"cores"`
	Goal    float64   `json:"goal,omitempty"`
	Runs    []runOf   `json:"runs"`
	Ratios  []float64 `json:"ratios"`
	Seconds float64   `json:"median_seconds"`
	Ratio   float64   `json:"median_ratio"`
	// CPURatio is the median of the same by processor time, which other programs
	// on the machine disturb less.
	CPURatio float64 `json:"median_cpu_ratio"`
	// PerSecond is the number of records a second.
	PerSecond float64 `json:"records_per_second"`
	// Allocs is how many objects are allocated for a record.
	Allocs float64 `json:"allocs_per_record"`
}

const raWhat = "ra -X -F packaging/ra.conf -n -Z b -r FILE > /dev/null"

// raCommand prints the thirteen columns.
func (b *bench) raCommand(ctx context.Context) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "ra", "-X", "-F", b.raConf, "-n", "-Z", "b", "-r", b.in.file)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}

// stageCommand runs a stage in a process of its own, which writes its result to
// descriptor 3.
func (b *bench) stageCommand(ctx context.Context, s *stage) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-stage", s.name, "-models", b.in.models, b.in.file)
	cmd.Env = append(os.Environ(), stageEnv+"=1", "GOMAXPROCS="+strconv.Itoa(s.procs))
	return cmd, nil
}

// timed runs cmd to its end.
func timed(cmd *exec.Cmd) (runOf, error) {
	var problems bytes.Buffer
	cmd.Stderr = &problems
	begun := time.Now()
	err := cmd.Run()
	took := time.Since(begun)
	if err != nil {
		return runOf{}, fmt.Errorf("%s: %w: %s", filepath.Base(cmd.Path), err, strings.TrimSpace(problems.String()))
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return runOf{Seconds: took.Seconds(), CPU: cpu.Seconds()}, nil
}

func (b *bench) runRa(ctx context.Context) (runOf, error) {
	null, err := devNull()
	if err != nil {
		return runOf{}, err
	}
	defer null.Close()
	cmd := b.raCommand(ctx)
	cmd.Stdout = null
	return timed(cmd)
}

func (b *bench) runStage(ctx context.Context, s *stage) (runOf, error) {
	null, err := devNull()
	if err != nil {
		return runOf{}, err
	}
	defer null.Close()
	cmd, err := b.stageCommand(ctx, s)
	if err != nil {
		return runOf{}, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return runOf{}, err
	}
	defer r.Close()
	cmd.Stdout, cmd.ExtraFiles = null, []*os.File{w}
	run, err := timed(cmd)
	w.Close()
	if err != nil {
		return runOf{}, err
	}
	if err := json.NewDecoder(r).Decode(&run.stageResult); err != nil {
		return runOf{}, fmt.Errorf("reading what the stage %s tells: %w", s.name, err)
	}
	return run, nil
}

// measure runs ra and each stage in turn, round after round. The first round
// warms up and does not count.
func (b *bench) measure(ctx context.Context) ([]measured, error) {
	all := []measured{{Name: "ra", What: raWhat, Cores: 1}}
	for _, s := range stages {
		all = append(all, measured{Name: s.name, What: s.what, Cores: s.procs, Goal: s.goal})
	}
	for round := range b.rounds + 1 {
		ra, err := b.runRa(ctx)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(b.log, "round %d: ra %.2f s", round, ra.Seconds)
		var records uint64
		runs := []runOf{ra}
		for i := range stages {
			run, err := b.runStage(ctx, &stages[i])
			if err != nil {
				return nil, err
			}
			fmt.Fprintf(b.log, ", %s %.3f s", stages[i].name, run.Seconds)
			if records == 0 {
				records = run.Records
			}
			if run.Records != records {
				return nil, fmt.Errorf("the stage %s read %d records, %s %d", stages[i].name, run.Records, stages[0].name, records)
			}
			runs = append(runs, run)
		}
		fmt.Fprintln(b.log)
		if round == 0 {
			continue
		}
		runs[0].Records = records
		for i, run := range runs {
			all[i].Runs = append(all[i].Runs, run)
			all[i].Ratios = append(all[i].Ratios, ra.Seconds/run.Seconds)
		}
	}
	for i := range all {
		all[i].sumUp(&all[0])
	}
	return all, nil
}

func (m *measured) sumUp(ra *measured) {
	var seconds, cpu []float64
	for round, run := range m.Runs {
		seconds = append(seconds, run.Seconds)
		cpu = append(cpu, ra.Runs[round].CPU/max(run.CPU, 1e-6))
	}
	m.Seconds, m.Ratio, m.CPURatio = median(seconds), median(m.Ratios), median(cpu)
	records := float64(m.Runs[0].Records)
	m.PerSecond = records / m.Seconds
	m.Allocs = float64(m.Runs[len(m.Runs)-1].Mallocs) / records
}

func median(values []float64) float64 {
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return (v[(n-1)/2] + v[n/2]) / 2
}

// writeRaConf puts our ra.conf where ra finds it; the file is to be removed.
func writeRaConf() (string, error) {
	f, err := os.CreateTemp("", "flowbench-ra-*.conf")
	if err != nil {
		return "", err
	}
	_, err = f.WriteString(packaging.RaConf)
	if err = errors.Join(err, f.Close()); err != nil {
		os.RemoveAll(f.Name())
		return "", err
	}
	return f.Name(), nil
}
