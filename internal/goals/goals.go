package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/tabwriter"
)

// goal is what we want, beside what there is.
type goal struct {
	Name string `json:"name"`
	// Want and Have are in Unit; Most tells that less is better.
	Want float64 `json:"want"`
	Have float64 `json:"have"`
	Unit string  `json:"unit"`
	Most bool    `json:"most,omitempty"`
	// More tells what was measured besides, in words.
	More string `json:"more,omitempty"`
}

func (g goal) met() bool {
	if g.Most {
		return g.Have <= g.Want
	}
	return g.Have >= g.Want
}

// measurement is a way to a few goals.
type measurement struct {
	name string
	// without says what is missing for it; empty: nothing.
	without string
	run     func(ctx context.Context, o options) ([]goal, error)
}

func measurements(o options) []measurement {
	missing := func(what ...string) string {
		for i := 0; i < len(what); i += 2 {
			if what[i+1] == "" {
				return what[i]
			}
		}
		return ""
	}
	return []measurement{
		{"reference", missing("-office", o.office, "-models", o.models), reference},
		{"once", missing("-once", o.once), once},
		{"allocations", "", allocations},
		{"scaling", missing("-office", o.office), scaling},
		{"memory", "", memoryGoal},
		{"tables", "", tables},
		{"latency", missing("-soak", o.soak, "-binary", o.binary, "-office", o.office), latency},
		{"idle", missing("-binary", o.binary), idleGoal},
	}
}

// measureGoals goes through them; what cannot be measured is told.
func measureGoals(ctx context.Context, o options, log io.Writer) ([]goal, error) {
	var all []goal
	for _, m := range measurements(o) {
		if !strings.Contains(m.name, o.only) {
			continue
		}
		if m.without != "" {
			fmt.Fprintf(log, "%s: not measured without %s\n", m.name, m.without)
			continue
		}
		fmt.Fprintf(log, "measuring %s ...\n", m.name)
		g, err := m.run(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", m.name, err)
		}
		all = append(all, g...)
	}
	return all, nil
}

func printGoals(w io.Writer, all []goal) error {
	fmt.Fprintf(w, "%s, %d cores, %s\n\n", cpuModel(), runtime.NumCPU(), runtime.Version())
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "goal\twanted\tmeasured\t\tbesides")
	for _, g := range all {
		sign, verdict := "at least", "missed"
		if g.Most {
			sign = "at most"
		}
		if g.met() {
			verdict = "met"
		}
		fmt.Fprintf(t, "%s\t%s %s %s\t%s\t%s\t%s\n", g.Name, sign, number(g.Want), g.Unit, number(g.Have), verdict, g.More)
	}
	return t.Flush()
}

// number writes large numbers in full and small ones with three digits.
func number(x float64) string {
	if x >= 1000 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.3g", x)
}

func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func reference(ctx context.Context, o options) ([]goal, error) {
	f, err := best(ctx, o, "reference", 2)
	if err != nil {
		return nil, err
	}
	return []goal{{Name: "decode, letters, reference scorer, sixteen models, two cores", Want: 1e6, Have: f.perSecond(), Unit: "flows/s",
		More: fmt.Sprintf("%s a second of processor time", number(f.perSecondCPU()))}}, nil
}

func once(ctx context.Context, o options) ([]goal, error) {
	f, err := best(ctx, o, "once", 2)
	if err != nil {
		return nil, err
	}
	alone, err := best(ctx, o, "once-alone", 1)
	if err != nil {
		return nil, err
	}
	return []goal{{Name: "default scorer, tuples with one flow, two cores", Want: 2e6, Have: f.perSecond(), Unit: "flows/s",
		More: fmt.Sprintf("%s a second of processor time; detection alone on one core %s", number(f.perSecondCPU()), number(alone.perSecond()))}}, nil
}

func allocations(ctx context.Context, o options) ([]goal, error) {
	f, err := child(ctx, o, "steady:2000", 1)
	if err != nil {
		return nil, err
	}
	return []goal{{Name: "allocations a flow, full table, default scorer", Want: 0.001, Have: float64(f.Allocs) / float64(f.Flows), Unit: "objects", Most: true,
		More: "after many times as many tuples: what leaves the table leaves its memory to the next"}}, nil
}

func scaling(ctx context.Context, o options) (all []goal, err error) {
	for _, s := range []struct{ stage, name string }{{"joined", "reference scorer"}, {"office", "default scorer"}} {
		if s.stage == "joined" && o.models == "" {
			continue
		}
		one, err := best(ctx, o, s.stage, 1)
		if err != nil {
			return nil, err
		}
		two, err := best(ctx, o, s.stage, 2)
		if err != nil {
			return nil, err
		}
		all = append(all, goal{Name: "two cores to one, file to decisions, " + s.name, Want: 1.8, Have: two.perSecond() / one.perSecond(), Unit: "times",
			More: fmt.Sprintf("%s flows/s on one, %s on two", number(one.perSecond()), number(two.perSecond()))})
	}
	return all, nil
}

func memoryGoal(ctx context.Context, o options) ([]goal, error) {
	f, err := child(ctx, o, fmt.Sprintf("memory:%d", o.tuples), 2)
	if err != nil {
		return nil, err
	}
	return []goal{{Name: fmt.Sprintf("%d live tuples of a usual mix", o.tuples), Want: 3, Have: float64(f.Resident) / (1 << 30), Unit: "GiB resident", Most: true,
		More: fmt.Sprintf("%.0f bytes a tuple on the heap, %s flows/s", float64(f.Heap)/float64(f.Tuples), number(f.perSecond()))}}, nil
}

// tables compares a table that is large with one that fits the cache.
func tables(ctx context.Context, o options) ([]goal, error) {
	small, err := best(ctx, o, "tuples:100000", 1)
	if err != nil {
		return nil, err
	}
	large, err := best(ctx, o, "tuples:5000000", 1)
	if err != nil {
		return nil, err
	}
	return []goal{{Name: "a flow among five million tuples to one among 100,000", Want: 2, Have: large.CPU / small.CPU, Unit: "times", Most: true,
		More: fmt.Sprintf("%.0f and %.0f ns of processor time", 1e9*large.CPU/float64(large.Flows), 1e9*small.CPU/float64(small.Flows))}}, nil
}

// latency has the soak send 100,000 records a second for a while.
func latency(ctx context.Context, o options) ([]goal, error) {
	cmd := exec.CommandContext(ctx, o.soak, "-binary", o.binary, "-argus", o.office, "-rate", "100000", "-for", "60s", "-warm", "20s",
		"-max-growth", "0", "-disk", "4096", "-json")
	cmd.Stderr = io.Discard
	b, runErr := cmd.Output() // a broken bound is an exit status: the figures are there
	var r struct {
		Lost   float64
		Phases []struct {
			Name        string
			Connections int
			P50         float64 `json:"p50_s"`
			P99         float64 `json:"p99_s"`
		}
	}
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("reading what the soak found: %w (%w)", err, runErr)
	}
	if len(r.Phases) == 0 {
		return nil, fmt.Errorf("the soak measured nothing: %w", runErr)
	}
	p := r.Phases[len(r.Phases)-1]
	return []goal{{Name: "p99 from the last record to the block in the kernel, 100,000 records/s", Want: 1, Have: 1e3 * p.P99, Unit: "ms", Most: true,
		More: fmt.Sprintf("median %.2f ms of %d connections", 1e3*p.P50, p.Connections)}}, nil
}

func idleGoal(ctx context.Context, o options) ([]goal, error) {
	f, err := child(ctx, o, "idle:30", 1)
	if err != nil {
		return nil, err
	}
	return []goal{
		{Name: "an agent whose feed is quiet", Want: 0.5, Have: 100 * f.CPU / f.Seconds, Unit: "percent of a core", Most: true, More: "from start on left out"},
		{Name: "the same", Want: 60, Have: float64(f.Resident) / (1 << 20), Unit: "MiB resident", Most: true},
	}, nil
}
