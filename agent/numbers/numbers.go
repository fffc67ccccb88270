package numbers

import (
	"fmt"
	"strconv"
)

// whole is what is counted.
type whole interface {
	~int | ~int64 | ~uint64
}

// digits writes n as it is, also where it is more than an int64 holds.
func digits[N whole](n N) string {
	if n < 0 {
		return strconv.FormatInt(int64(n), 10)
	}
	return strconv.FormatUint(uint64(n), 10)
}

// Grouped writes 1234567 as 1 234 567.
func Grouped[N whole](n N) string {
	s := digits(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}

// Count writes a number with what it counts.
func Count[N whole](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Grouped(n) + " " + many
}

// Size writes a number of bytes. What is negative is not known, and told as none.
func Size[N whole](n N) string {
	b := uint64(max(n, 0))
	switch {
	case b >= 10<<30:
		return fmt.Sprintf("%d GiB", b>>30)
	case b >= 10<<20:
		return fmt.Sprintf("%d MiB", b>>20)
	case b >= 10<<10:
		return fmt.Sprintf("%d KiB", b>>10)
	}
	return fmt.Sprintf("%d B", b)
}

// Rate writes how many there are a second.
func Rate(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

// Score writes a score as short as it can be told apart.
func Score(f float64) string { return strconv.FormatFloat(f, 'g', 4, 64) }
