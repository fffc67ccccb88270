package control

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseDuration reads durations as people write them: what time.ParseDuration
// reads, and days and weeks: 7d, 1d12h, 2w. Negative ones are refused.
func ParseDuration(s string) (time.Duration, error) {
	rest, total := s, time.Duration(0)
	for _, unit := range []struct {
		name string
		is   time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		before, after, ok := strings.Cut(rest, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(before, 64)
		d := n * float64(unit.is)
		if err != nil || !(n >= 0) || strings.ContainsAny(before, "xXpPeE_+-nN") || d+float64(total) >= math.MaxInt64 {
			return 0, durationError(s)
		}
		total += time.Duration(d)
		rest = after
	}
	if rest != "" || rest == s {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || total+d < total {
			return 0, durationError(s)
		}
		total += d
	}
	return total, nil
}

func durationError(s string) error {
	return fmt.Errorf("%q: %w", s, errDuration)
}

var errDuration = errors.New("no duration; use a number and s, m, h, d or w, as in 90s, 1h30m or 7d")
