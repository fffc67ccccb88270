package metrics

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/prometheus/common/expfmt"

	"slips-ips/agent/status"
)

var update = flag.Bool("update", false, "write the expected files anew")

// exposition is what a scrape of s gives, without the process's metrics.
func exposition(t *testing.T, s status.Status) string {
	t.Helper()
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(newCollector(func() status.Status { return s }))
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, f := range all {
		if _, err := expfmt.MetricFamilyToText(&b, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestExposition(t *testing.T) {
	got := strings.ReplaceAll(exposition(t, filled()), runtime.Version(), "GOVERSION")
	golden(t, filepath.Join("testdata", "exposition.txt"), got)
	if strings.Contains(got, "SECRET") || strings.Contains(got, "word") {
		t.Error("a secret of a webhook's URL is in the metrics")
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (go test -update writes it anew): -want +got\n%s", path, d)
	}
}

// Every metric is named and described as Prometheus's own linter wants, and
// each that is listed is there.
func TestLint(t *testing.T) {
	for name, s := range map[string]status.Status{"filled": filled(), "empty": {}} {
		problems, err := testutil.CollectAndLint(newCollector(func() status.Status { return s }))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, p := range problems {
			t.Errorf("%s: %s: %s", name, p.Metric, p.Text)
		}
	}
	text := exposition(t, filled())
	for _, m := range List() {
		if !strings.Contains(text, "# TYPE "+m.Name+" "+m.Type+"\n") {
			t.Errorf("%s is listed and not given", m.Name)
		}
	}
}

// However many labels come, a scrape is bounded, and no detection is uncounted.
func TestBoundedLabels(t *testing.T) {
	s := filled()
	s.Detection.Labels = map[string]uint64{}
	s.Queues = nil
	for i := range 5 * status.MaxLabels {
		s.Detection.Labels[fmt.Sprintf("label-%d\xff", i)] = uint64(1 + i)
		s.Queues = append(s.Queues, status.Queue{Name: "same", Len: i})
	}
	c := newCollector(func() status.Status { return s })
	byName := map[string]int{}
	var detections float64
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(c)
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		byName[f.GetName()] = len(f.GetMetric())
		if f.GetName() == "slips_detections_total" {
			for _, m := range f.GetMetric() {
				detections += m.GetCounter().GetValue()
			}
		}
	}
	if n := byName["slips_detections_total"]; n != status.MaxLabels+1 {
		t.Errorf("%d labels", n)
	}
	if want := float64(5*status.MaxLabels*(5*status.MaxLabels+1)) / 2; detections != want {
		t.Errorf("%v detections, want %v", detections, want)
	}
	if n := byName["slips_queue_length"]; n != status.MaxLabels+1 {
		t.Errorf("%d queues", n)
	}
	if left := c.left.Load(); left != 2*(4*status.MaxLabels-1) {
		t.Errorf("%d series were left out", left)
	}
}

// A histogram whose parts do not fit together breaks nothing.
func TestLatency(t *testing.T) {
	for _, l := range []status.Latency{{}, {Bounds: []float64{1, 2}}, {Counts: []uint64{1, 2}}, {Bounds: []float64{1}, Counts: []uint64{1, 2, 3}}} {
		s := filled()
		s.Enforce.Latency = l
		if text := exposition(t, s); !strings.Contains(text, latencyName+"_count") {
			t.Errorf("%+v: no histogram", l)
		}
	}
}

// BenchmarkScrape is what one scrape costs.
func BenchmarkScrape(b *testing.B) {
	s := filled()
	r := prometheus.NewRegistry()
	r.MustRegister(newCollector(func() status.Status { return s }))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Gather(); err != nil {
			b.Fatal(err)
		}
	}
}
