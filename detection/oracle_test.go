package detection

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
	"slips-ips/models"
)

// oracleCase is one case of cases.json.
type oracleCase struct {
	Name     string   `json:"name"`
	Input    string   `json:"input"`
	Models   string   `json:"models"`
	Args     []string `json:"args"`
	Expected string   `json:"expected"`
}

// betterAllowed are the cases in which ours may differ, to do better: bad
// values and lines, clocks that jump, and widths that are refused.
var betterAllowed = []string{"q07-*", "q08-*", "q10-*", "q17-*", "q12-*.w0*", "q12-*negative*", "*.w-*", "*.w0*",
	"q09-stop-word*", "q09-tabs*", "test5-mixed-tabs*", "q09-quoted*", "q09-whitespace*", "q09-cr-only*", "pcap-*-with-man*"}

func (c oracleCase) mayDiffer() bool {
	return slices.ContainsFunc(betterAllowed, func(pattern string) bool {
		ok, _ := path.Match(pattern, c.Name)
		return ok
	})
}

func (c oracleCase) width(t *testing.T) time.Duration {
	t.Helper()
	i := slices.Index(c.Args, "-w")
	if i < 0 {
		return 5 * time.Minute
	}
	n, err := strconv.Atoi(c.Args[i+1])
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(n) * time.Minute
}

// traceLine is one line of a trace or of the expected results.
type traceLine struct {
	Event  string `json:"event"`
	Line   uint64 `json:"line"`
	First  bool
	Tuple  string
	N      uint64
	State  string
	T1, T2 *float64
	TD     any
	Cmp    [][]float64
	Win    *struct {
		I         int
		Label     string
		Malicious bool
		Len       int
	}
	Ties       int
	Detected   *string
	WouldPrint bool      `json:"would_print"`
	SlotEnd    *slotLine `json:"slot_end"`
	SlotStart  *slotLine `json:"slot_start"`
}

type slotLine struct {
	Start, End  string
	Connections int
	TuplesKnown int `json:"tuples_known"`
	Printed     [][]any
	Evicted     []string
}

func traceLines(t *testing.T, r io.Reader) []traceLine {
	t.Helper()
	var all []traceLine
	for dec := json.NewDecoder(r); ; {
		var l traceLine
		if err := dec.Decode(&l); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
}

// TestOracle runs every case of the original's expected results.
func TestOracle(t *testing.T) {
	runOracle(t, testenv.Reference(t, "oracle"), 100)
}

// TestOracleMade runs the cases that come with the program.
func TestOracleMade(t *testing.T) {
	runOracle(t, filepath.Join("testdata", "oracle"), 8)
}

func runOracle(t *testing.T, dir string, atLeast int) {
	data, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []oracleCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, c := range cases {
		if c.mayDiffer() {
			continue
		}
		ran++
		t.Run(c.Name, func(t *testing.T) { c.run(t, dir) })
	}
	if ran < atLeast {
		t.Errorf("%d cases ran, at least %d should", ran, atLeast)
	}
}

func (c oracleCase) run(t *testing.T, dir string) {
	t.Parallel()
	var set []models.Model
	if c.Models != "" {
		var err error
		if set, _, err = models.LoadDir(filepath.Join(dir, c.Models)); err != nil {
			t.Fatal(err)
		}
	}
	cfg := DefaultConfig()
	cfg.Scoring, cfg.Width = ScoringReference, c.width(t)
	var trace bytes.Buffer
	w := NewTraceWriter(&trace, slices.Contains(c.Args, "-D"))
	traced, err := New(cfg, set, Hooks{OnStep: w.Step})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := New(cfg, set, Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	w.Config(traced)
	in := readCase(t, filepath.Join(dir, c.Input))
	feed := argusfeed.NewText(in, argusfeed.TextOptions{})
	for {
		var f argusfeed.Flow
		var skip *argusfeed.SkipError
		if err := feed.Next(&f); errors.Is(err, io.EOF) {
			break
		} else if errors.As(err, &skip) {
			w.Skipped(skip.Line, skip.Kind.String())
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		flow := []argusfeed.Flow{f}
		got, want := plain.Observe(flow), traced.Observe(flow)
		if len(got) != len(want) || len(got) == 1 && (got[0].Model != want[0].Model || !near1e9(got[0].Score, want[0].Score)) {
			t.Fatalf("line %d: with a trace %+v, without %+v", f.Line, want, got)
		}
	}
	traced.Finish()
	w.End(traced)
	if w.Err() != nil {
		t.Fatal(w.Err())
	}
	// With these options the original printed less; ours are not given here.
	otherPrinting := slices.Contains(c.Args, "-a") || slices.Contains(c.Args, "-v")
	compareTraces(t, readCase(t, filepath.Join(dir, c.Expected)), &trace, otherPrinting)
}

// readCase opens a file, which may be compressed.
func readCase(t *testing.T, name string) io.Reader {
	t.Helper()
	if _, err := os.Stat(name); err != nil {
		name += ".gz"
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if filepath.Ext(name) != ".gz" {
		return f
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// compareTraces compares up to the line where the original crashed.
func compareTraces(t *testing.T, expected, trace io.Reader, otherPrinting bool) {
	t.Helper()
	byLine := make(map[uint64]traceLine)
	for _, l := range traceLines(t, trace) {
		if l.Line > 0 {
			byLine[l.Line] = l
		}
	}
	compared := 0
	for _, want := range traceLines(t, expected) {
		if want.Event == "crash" {
			break
		}
		if want.Line == 0 || want.Event == "final" {
			continue
		}
		got, ok := byLine[want.Line]
		if !ok {
			t.Fatalf("line %d: no trace, want %q", want.Line, want.Event)
		}
		compared++
		if why := traceDiff(&want, &got, otherPrinting); why != "" {
			t.Fatalf("line %d: %s\ngot  %s\nwant %s", want.Line, why, asJSON(got), asJSON(want))
		}
	}
	t.Logf("%d lines", compared)
}

func asJSON(l traceLine) []byte {
	b, _ := json.Marshal(l)
	return b[:min(len(b), 2000)]
}

// traceDiff compares more than compare.py does: the gaps and their ratio, the
// slots, ties, and what would be printed as well.
func traceDiff(want, got *traceLine, otherPrinting bool) string {
	if want.Event != "flow" && want.Event != "flow_new_slot" {
		if got.Event == "flow" || got.Event == "flow_new_slot" {
			return "took a line that the original did not"
		}
		return ""
	}
	switch {
	case got.Event != want.Event:
		return "event"
	case got.Tuple != want.Tuple || got.N != want.N || got.State != want.State || got.First != want.First:
		return "tuple"
	case !same(got.T1, want.T1) || !same(got.T2, want.T2) || got.TD != want.TD:
		return "gaps"
	case len(got.Cmp) != len(want.Cmp):
		return "number of comparisons"
	case got.Ties != want.Ties || (got.Win == nil) != (want.Win == nil) || got.Win != nil && *got.Win != *want.Win:
		return "winner"
	case !same(got.Detected, want.Detected) || !otherPrinting && !sameSlot(got.SlotEnd, want.SlotEnd):
		return "slot end"
	case (got.SlotStart == nil) != (want.SlotStart == nil) ||
		got.SlotStart != nil && (got.SlotStart.Start != want.SlotStart.Start || got.SlotStart.End != want.SlotStart.End):
		return "slot start"
	}
	for i := range want.Cmp {
		for k := range want.Cmp[i] {
			if !near1e9(got.Cmp[i][k], want.Cmp[i][k]) {
				return "comparison"
			}
		}
	}
	return ""
}

func same[T comparable](a, b *T) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

func near1e9(a, b float64) bool {
	return a == b || math.Abs(a-b) <= 1e-9*max(math.Abs(a), math.Abs(b))
}

func sameSlot(got, want *slotLine) bool {
	if got == nil || want == nil {
		return got == want
	}
	slices.Sort(got.Evicted)
	slices.Sort(want.Evicted)
	printed := func(l *slotLine) []string {
		var all []string
		for _, p := range l.Printed {
			b, _ := json.Marshal(p)
			all = append(all, string(b))
		}
		slices.Sort(all)
		return all
	}
	return got.Start == want.Start && got.End == want.End && got.Connections == want.Connections &&
		got.TuplesKnown == want.TuplesKnown && slices.Equal(got.Evicted, want.Evicted) &&
		slices.Equal(printed(got), printed(want))
}
