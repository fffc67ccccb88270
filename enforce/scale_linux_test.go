package enforce

import (
	"testing"
	"time"
)

// BenchmarkScale is one run of what the docs promise of large numbers.
func BenchmarkScale(b *testing.B) {
	for _, n := range []int{100_000} {
		ns := newNS(b)
		e := open(b, ns)
		blocks := many(n, time.Hour)
		for b.Loop() {
			start := time.Now()
			apply(b, e, blocks...)
			b.ReportMetric(time.Since(start).Seconds(), "apply-s")
			start = time.Now()
			nft(b, ns, "flush ruleset", "-f", "-")
			flush := time.Since(start)
			start = time.Now()
			if _, err := e.Check(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(start).Seconds(), "restore-s")
			b.Log(flush, e.Stats())
			start = time.Now()
			e.Lift(blocks)
			b.ReportMetric(time.Since(start).Seconds(), "lift-s")
		}
	}
}
