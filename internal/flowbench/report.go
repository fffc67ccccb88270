package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"
)

// report is the result of a benchmark.
type report struct {
	Date    time.Time `json:"date"`
	CPU     string    `json:"cpu"`
	Cores   int       `json:"cores"`
	Go      string    `json:"go"`
	Argus   string    `json:"argus"`
	Ra      string    `json:"ra"`
	File    string    `json:"file"`
	Bytes   int64     `json:"bytes"`
	Records uint64    `json:"records"`
	Models  string    `json:"models"`
	// SameLines is how many lines ra and we printed, all equal.
	SameLines uint64     `json:"same_lines"`
	Programs  []measured `json:"programs"`
}

func newReport(in input) *report {
	r := &report{
		Date: time.Now().UTC().Truncate(time.Second), CPU: cpuModel(), Cores: runtime.NumCPU(), Go: runtime.Version(),
		Argus: versionOf("argus"), Ra: versionOf("ra"), File: in.file, Models: in.models,
	}
	if info, err := os.Stat(in.file); err == nil {
		r.Bytes = info.Size()
	}
	return r
}

// versionOf gives the first line of a program's help, which has its version.
func versionOf(program string) string {
	out, _ := exec.Command(program, "-h").CombinedOutput() // it has an exit status
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}

func cpuModel() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(b)) {
			if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
				return strings.TrimSpace(value)
			}
		}
	}
	return runtime.GOARCH
}

// print writes the report as a table.
func (r *report) print(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d cores: %s; %s; %s; %s\n", r.CPU, r.Cores, r.Argus, r.Ra, r.Go, r.Date.Format(time.DateOnly))
	fmt.Fprintf(w, "%s: %d records, %.0f MB; models: %s\n", r.File, r.Records, float64(r.Bytes)/1e6, r.Models)
	fmt.Fprintf(w, "ra and we print the same %d lines\n\n", r.SameLines)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tcores\tseconds\trecords/s\tallocs/record\ttimes ra\tby CPU\tgoal\teach round")
	for i := range r.Programs {
		m := &r.Programs[i]
		goal, allocs := "", fmt.Sprintf("%.4f", m.Allocs)
		if m.Name == "ra" {
			allocs = ""
		}
		if m.Goal > 0 {
			goal = fmt.Sprintf("%g: missed", m.Goal)
			if m.Ratio >= m.Goal {
				goal = fmt.Sprintf("%g: met", m.Goal)
			}
		}
		var each []string
		for _, x := range m.Ratios {
			each = append(each, fmt.Sprintf("%.1f", x))
		}
		fmt.Fprintf(t, "%s\t%d\t%.3f\t%.0f\t%s\t%.1f\t%.1f\t%s\t%s\n",
			m.Name, m.Cores, m.Seconds, m.PerSecond, allocs, m.Ratio, m.CPURatio, goal, strings.Join(each, " "))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\ntimes ra: seconds of ra over ours, by the clock, the median of the rounds; by CPU: the same by processor time")
	for i := range r.Programs {
		fmt.Fprintf(w, "%-7s %s\n", r.Programs[i].Name, r.Programs[i].What)
	}
	return nil
}
