package numbers

import (
	"math"
	"testing"
	"time"
)

func TestGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1 000", 1234567: "1 234 567", -1: "-1", -999: "-999", -1000: "-1 000", math.MinInt64: "-9 223 372 036 854 775 808"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if got := Grouped(uint64(math.MaxUint64)); got != "18 446 744 073 709 551 615" {
		t.Errorf("the largest number: %q", got)
	}
}

func TestCount(t *testing.T) {
	for n, want := range map[int]string{0: "0 flows", 1: "1 flow", 2: "2 flows", 1000: "1 000 flows"} {
		if got := Count(n, "flow", "flows"); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{-1: "0 B", 0: "0 B", 10239: "10239 B", 10240: "10 KiB", 10<<20 - 1: "10239 KiB", 10 << 20: "10 MiB", 10 << 30: "10 GiB", 1 << 40: "1024 GiB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	if got := Size(uint64(math.MaxUint64)); got != "17179869183 GiB" {
		t.Errorf("the largest size: %q", got)
	}
}

func TestRatesAndScores(t *testing.T) {
	for f, want := range map[float64][2]string{0: {"0.0", "0"}, 0.04: {"0.0", "0.04"}, 310.42: {"310.4", "310.4"}, 0.950512: {"1.0", "0.9505"}, 1.00000001: {"1.0", "1"}} {
		if got := [2]string{Rate(f), Score(f)}; got != want {
			t.Errorf("%v: %q, want %q", f, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 1500 * time.Microsecond: "2ms", time.Second: "1s", 90 * time.Second: "1m30s", time.Hour: "1h", time.Hour + time.Second: "1h",
		49*time.Hour + 59*time.Minute: "2d1h", -time.Minute: "-1m", 24 * time.Hour: "1d", 59*time.Second + 900*time.Millisecond: "1m",
		999*time.Millisecond + 900*time.Microsecond: "1s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestLeft(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Hour: "0s", 0: "0s", 400 * time.Millisecond: "0s", 600 * time.Millisecond: "1s", 90 * time.Second: "1m30s"} {
		if got := Left(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for at, want := range map[time.Time]string{{}: "never", now: "0s ago", now.Add(time.Second): "0s ago", now.Add(-26 * time.Hour): "1d2h ago"} {
		if got := Ago(at, now); got != want {
			t.Errorf("%v: %q, want %q", at, got, want)
		}
	}
}
