//go:build linux

package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"slips-ips/agent/report/metrics"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
)

// A sample is what the agent's own metrics say; each loss has a name that there is.
func TestSample(t *testing.T) {
	s := status.Status{
		Feeds:     []status.Feed{{Stats: argusfeed.Stats{URL: "argus://h", Dropped: 2, Joined: argusfeed.JoinStats{Held: 3}}, Live: true}},
		Detection: status.Detection{Stats: detection.Stats{Flows: 10, Tuples: 4, Late: 1}},
		Enforce:   status.Enforce{Stats: enforce.Stats{Wanted: 5, Missing: 1}},
		History:   status.History{Path: "/x", Waiting: 6, Lost: 7},
		Queues:    []status.Queue{{Name: "flows", Len: 8, Cap: 64}},
	}
	socket := filepath.Join(t.TempDir(), "metrics.sock")
	e, err := metrics.New(metrics.Config{Listen: "unix:" + socket}, func() status.Status { return s }, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- e.Serve(ctx) }()
	got, err := newSampler(os.Getpid(), socket).take(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Resident <= 0 || got.Heap <= 0 {
		t.Errorf("memory: %d, heap %v", got.Resident, got.Heap)
	}
	got.Resident, got.Heap = 0, 0
	want := sample{
		Flows: 10, Held: 3, Tuples: 4, Waiting: 6, Blocks: 5, Missing: 1, Queues: map[string]float64{"flows": 8},
		Lost: map[string]float64{"slips_feed_dropped_flows_total": 2, "slips_detection_dropped_flows_total": 1, "slips_history_lost_events_total": 7},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
	known := map[string]bool{}
	for _, m := range metrics.List() {
		known[m.Name] = true
	}
	for _, name := range losses {
		if !known[name] {
			t.Errorf("there is no metric %s", name)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := newSampler(os.Getpid(), socket).take(t.Context()); err == nil {
		t.Error("no error without metrics")
	}
}
