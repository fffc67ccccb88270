//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// sample is how the agent was at one moment.
type sample struct {
	Seconds  float64 `json:"seconds"` // since the measuring began
	Phase    string  `json:"phase"`
	Resident int64   `json:"resident_bytes"`
	// The rest comes from the agent's metrics and is 0 without them.
	Heap    float64            `json:"heap_bytes"`
	Flows   float64            `json:"flows"`
	Held    float64            `json:"held_flows"`
	Tuples  float64            `json:"tuples"`
	Lost    map[string]float64 `json:"lost,omitempty"` // by the metric that counts it
	Queues  map[string]float64 `json:"queues,omitempty"`
	Waiting float64            `json:"history_waiting"`
	Blocks  float64            `json:"blocks"`
	Missing float64            `json:"blocks_missing"`
}

// losses are the metrics of which each count is something that did not arrive.
// What the history and the outputs lose while the disk is full or the receiver
// hangs is expected there, and told apart.
var losses = []string{
	"slips_feed_dropped_flows_total", "slips_feed_missed_flows_total", "slips_feed_lost_packets_total", "slips_feed_gaps_total",
	"slips_feed_forced_flows_total", "slips_detection_dropped_flows_total", "slips_detection_evictions_total", "slips_blocks_not_made_total",
	"slips_history_lost_events_total", "slips_output_dropped_total",
}

// sampler takes samples of a process and its metrics.
type sampler struct {
	pid    int
	client *http.Client // nil: there are no metrics
}

func newSampler(pid int, socket string) *sampler {
	s := &sampler{pid: pid}
	if socket != "" {
		s.client = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}}}
	}
	return s
}

func (s *sampler) take(ctx context.Context) (sample, error) {
	resident, err := residentBytes(s.pid)
	all := sample{Resident: resident}
	if err != nil || s.client == nil {
		return all, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://agent/metrics", nil)
	if err != nil {
		return all, err
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return all, fmt.Errorf("reading the agent's metrics: %w", err)
	}
	defer resp.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return all, fmt.Errorf("reading the agent's metrics: %s: %w", resp.Status, err)
	}
	all.Heap = sum(families["go_memstats_heap_inuse_bytes"])
	all.Flows = sum(families["slips_detection_flows_total"])
	all.Held = sum(families["slips_feed_held_flows"])
	all.Tuples = sum(families["slips_detection_tuples"])
	all.Waiting = sum(families["slips_history_waiting_events"])
	all.Blocks = sum(families["slips_blocks_wanted"])
	all.Missing = sum(families["slips_blocks_missing"])
	all.Lost, all.Queues = map[string]float64{}, map[string]float64{}
	for _, name := range losses {
		if n := sum(families[name]); n > 0 {
			all.Lost[name] = n
		}
	}
	if f := families["slips_queue_length"]; f != nil {
		for _, m := range f.GetMetric() {
			all.Queues[m.GetLabel()[0].GetValue()] = value(m)
		}
	}
	return all, nil
}

func sum(f *dto.MetricFamily) (all float64) {
	for _, m := range f.GetMetric() {
		all += value(m)
	}
	return all
}

func value(m *dto.Metric) float64 { return m.GetCounter().GetValue() + m.GetGauge().GetValue() }

// residentBytes reads how much memory a process has.
func residentBytes(pid int) (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(kb), " kB"), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("process %d has no VmRSS: it has ended", pid)
}
