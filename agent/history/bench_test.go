package history

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// benchStore makes a history of n events; one in a hundred is a block, one in
// fifty has another label, hosts are 10.0.0.0/16.
func benchStore(b *testing.B, n int) *Store {
	b.Helper()
	s := testStore(b, Options{QueueLen: 10_000})
	for i := range n {
		label := "From-Botnet-TCP-HTTP-Zeus.CC-1"
		if i%50 == 0 {
			label = "From-Botnet-UDP-DNS-DGA-1"
		}
		tuple := fmt.Sprintf("10.0.%d.%d-203.0.113.%d-443-tcp", i>>8&255, i&255, i%251)
		if i%100 == 0 {
			s.Record(testBlock(b, i, tuple))
		} else {
			s.Record(testAlert(b, i, tuple, label))
		}
		if i%5000 == 4999 {
			flush(b, s)
		}
	}
	flush(b, s)
	return s
}

// BenchmarkEvents asks for a page of 100. BENCH_EVENTS is how many there are.
func BenchmarkEvents(b *testing.B) {
	n := 100_000
	if text := os.Getenv("BENCH_EVENTS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			b.Fatal(err)
		}
	}
	s := benchStore(b, n)
	middle, err := s.Events(context.Background(), Query{Until: start.Add(time.Duration(n/2) * time.Second), Limit: 1})
	if err != nil {
		b.Fatal(err)
	}
	for _, q := range []struct {
		name string
		q    Query
	}{
		{"newest", Query{}},
		{"page-in-the-middle", Query{After: middle.Events[0].ID}},
		{"hour", Query{Since: start.Add(time.Hour), Until: start.Add(2 * time.Hour)}},
		{"tuple", Query{Tuple: "10.0.1.1-203.0.113.6-443-tcp"}},
		{"host", Query{Host: "10.0.0.77"}},
		{"network", Query{Host: "10.0.7.0/24"}},
		{"network-of-none", Query{Host: "192.0.2.0/24"}},
		{"label", Query{Label: "*DNS*"}},
		{"label-of-none", Query{Label: "*nothing*"}},
		{"blocks", Query{Kinds: []Kind{KindBlock}}},
		{"lifts-of-which-none", Query{Kinds: []Kind{KindLift}}},
		{"id", Query{ID: middle.Events[0].ID}},
		{"10000", Query{Limit: 10_000}},
	} {
		b.Run(q.name, func(b *testing.B) {
			var found int
			for b.Loop() {
				page, err := s.Events(context.Background(), q.q)
				if err != nil {
					b.Fatal(err)
				}
				found = len(page.Events)
			}
			b.ReportMetric(float64(found), "events")
		})
	}
}

// BenchmarkRecord is what the pipeline pays for an event.
func BenchmarkRecord(b *testing.B) {
	s := testStore(b, Options{QueueLen: 1 << 30})
	e := testAlert(b, 0, "10.0.0.5-203.0.113.7-443-tcp", "A")
	b.ReportAllocs()
	for b.Loop() {
		s.Record(e) // the same ID: what is written is not measured here
	}
}

// BenchmarkDetected is what it pays for a repeat.
func BenchmarkDetected(b *testing.B) {
	s := testStore(b, Options{})
	d := testDetection(b, "10.0.0.5-203.0.113.7-443-tcp", "A")
	b.ReportAllocs()
	for b.Loop() {
		s.Detected(d)
	}
}

// BenchmarkWrite is how fast events get to the disk, with a file that is as large
// as it may be.
func BenchmarkWrite(b *testing.B) {
	s := testStore(b, Options{QueueLen: 20_000, KeepBytes: 32 << 20})
	n := 0
	write := func(many int) {
		for range many {
			s.Record(testAlert(b, n, fmt.Sprintf("10.0.%d.%d-203.0.113.7-443-tcp", n>>8&255, n&255), "A"))
			n++
		}
		flush(b, s)
	}
	for range 6 {
		write(5000)
	}
	b.ResetTimer()
	for b.Loop() {
		write(5000)
	}
	b.ReportMetric(float64(5000*b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(s.Status().Size)/float64(max(1, s.Status().Events)), "bytes/event")
}

// BenchmarkOpen is how long the start of the agent waits for a large history.
func BenchmarkOpen(b *testing.B) {
	s := benchStore(b, 100_000)
	path := s.opt.Path
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := Open(Options{Path: path})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
