package argusfeed

import (
	"bytes"
	"testing"
)

// BenchmarkJoining is decoding with joining, on top of what BenchmarkArgus shows.
func BenchmarkJoining(b *testing.B) {
	stream, flows := repeated(b, "testdata/fixtures/mixed-plain.argus", 8<<20)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	r := bytes.NewReader(stream)
	for b.Loop() {
		r.Reset(stream)
		d := newRecords(r, TextOptions{})
		var f Flow
		for {
			if err := d.Next(&f); err != nil && d.err != nil && d.set.pool.empty() {
				break
			}
		}
	}
	b.ReportMetric(float64(flows)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
