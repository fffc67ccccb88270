package enforce

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkScale is one run of what the docs say of large numbers: it applies,
// restores after somebody's flush, adopts and lifts 100,000 blocks, and puts
// single ones in force while that many are restored.
func BenchmarkScale(b *testing.B) {
	const n = 100_000
	blocks := many(n, time.Hour)
	single := many(n+20_000, time.Hour)[n:]
	for b.Loop() {
		ns := newNS(b)
		room := func(c *Config, _ *Options) { c.MaxBlocks = 200_000 }
		e := open(b, ns, room)
		measure := func(what string, f func()) {
			start, cpu := time.Now(), cpuTime(b)
			f()
			b.ReportMetric(time.Since(start).Seconds(), what+"-s")
			// On a machine that does much else this is what tells.
			b.ReportMetric((cpuTime(b) - cpu).Seconds(), what+"-cpu-s")
		}
		measure("apply", func() { apply(b, e, blocks...) })
		measure("renew", func() { apply(b, e, blocks...) })
		nft(b, ns, "flush ruleset", "-f", "-")
		measure("restore", func() {
			if _, err := e.Check(); err != nil {
				b.Fatal(err)
			}
		})
		enforced(b, e, n)

		nft(b, ns, "flush ruleset", "-f", "-")
		done := make(chan error)
		go func() {
			_, err := e.Check()
			done <- err
		}()
		var took []time.Duration
		for restoring := true; restoring && len(took) < len(single); {
			start := time.Now()
			apply(b, e, single[len(took)])
			took = append(took, time.Since(start))
			time.Sleep(500 * time.Microsecond)
			select {
			case err := <-done:
				if restoring = false; err != nil {
					b.Fatal(err)
				}
			default:
			}
		}
		slices.Sort(took)
		for _, p := range []struct {
			name string
			at   int
		}{
			{"single-p50-us", len(took) / 2}, {"single-p90-us", len(took) * 9 / 10}, {"single-p99-us", len(took) * 99 / 100},
			{"single-p99.9-us", len(took) * 999 / 1000}, {"single-max-us", len(took) - 1},
		} {
			b.ReportMetric(float64(took[p.at].Microseconds()), p.name)
		}
		b.ReportMetric(float64(len(took)), "singles")
		// The same without a restore: what the machine itself does to it.
		var quiet []time.Duration
		for _, s := range single[len(took):min(2*len(took), len(single))] {
			start := time.Now()
			apply(b, e, s)
			quiet = append(quiet, time.Since(start))
			time.Sleep(500 * time.Microsecond)
		}
		slices.Sort(quiet)
		b.ReportMetric(float64(quiet[len(quiet)*99/100].Microseconds()), "quiet-p99-us")
		enforced(b, e, n+len(took)+len(quiet))
		e.Close()
		measure("adopt", func() { e = open(b, ns, room) })
		measure("lift", func() { e.Lift(blocks) })
		e.Close()
	}
}

// cpuTime gives what this process took of the processors, in the kernel too.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkKernelMemory is what a million blocks take in the kernel: the change
// of MemAvailable, less that of our own heap. Other programs blur it.
func BenchmarkKernelMemory(b *testing.B) {
	const n = 1_000_000
	for b.Loop() {
		blocks := many(n, time.Hour)
		ns := newNS(b)
		e := open(b, ns, func(c *Config, _ *Options) { c.MaxBlocks = n })
		slab := func() float64 {
			return meminfo(b, "Slab") + meminfo(b, "Percpu") + meminfo(b, "VmallocUsed")
		}
		before := slab()
		start := time.Now()
		apply(b, e, blocks...)
		b.ReportMetric(time.Since(start).Seconds(), "apply-s")
		b.ReportMetric((slab()-before)/1024, "kernel-MiB")
		enforced(b, e, n)
		e.Close()
	}
}

// meminfo gives a line of /proc/meminfo in KiB.
func meminfo(tb testing.TB, name string) (kib float64) {
	tb.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			if _, err := fmt.Sscan(rest, &kib); err != nil {
				tb.Fatal(err)
			}
		}
	}
	return kib
}
