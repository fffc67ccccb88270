package argusfeed

import (
	"bytes"
	"math"
	"strconv"
	"time"
)

// blanks are the characters that the original's language takes for white space.
const blanks = " \t\r\n\v\f"

// manProto is the protocol of a management row.
const manProto = "man"

// parseDuration reads seconds, rounded up to a nanosecond. What is no number,
// and what is negative, is 0 as with the original; nan, which it treated as
// "as before", is 0 too.
func parseDuration(b []byte) time.Duration {
	if len(b) == 0 {
		return 0
	}
	if ns, ok := decimal(b, 9); ok {
		return time.Duration(ns)
	}
	s := math.Ceil(parseFloat(b) * 1e9)
	if s >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(s)
}

// parseCount reads packets or bytes, rounded up to a whole one. What is no
// number is 0, as with parseDuration.
func parseCount(b []byte) uint64 {
	if len(b) == 0 {
		return 0
	}
	if n, ok := decimal(b, 0); ok {
		return uint64(n)
	}
	if n, err := strconv.ParseUint(string(b), 10, 64); err == nil {
		return n
	}
	f := math.Ceil(parseFloat(b))
	if f >= math.MaxUint64 {
		return math.MaxUint64
	}
	return uint64(f)
}

// addCounts adds without overflow.
func addCounts(a, b uint64) uint64 {
	if a+b < a {
		return math.MaxUint64
	}
	return a + b
}

// parseTos reads a type-of-service byte; ok is false where there is none.
func parseTos(b []byte) (tos uint8, ok bool) {
	n, ok := decimal(trim(b), 0)
	if !ok || n > math.MaxUint8 {
		return 0, false
	}
	return uint8(n), true
}

// decimal reads the plain form of a number, digits with a fraction of up to
// places digits, in units of the last place. What is written otherwise, and
// what does not fit, is left to others.
func decimal(b []byte, places int) (n int64, ok bool) {
	point := -1
	for i, c := range b {
		if c == '.' && point < 0 && i > 0 && places > 0 {
			point = i
			continue
		}
		d := int64(c - '0')
		if d > 9 || n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	if point >= 0 {
		places -= len(b) - 1 - point
	}
	if places < 0 {
		return 0, false
	}
	for range places {
		if n > math.MaxInt64/10 {
			return 0, false
		}
		n *= 10
	}
	return n, len(b) > 0
}

// parseFloat reads what the float function of the original's language reads:
// white space around it, signs, exponents, inf. The rest, and what is below 0,
// is 0.
func parseFloat(b []byte) float64 {
	b = trim(b)
	if bytes.ContainsAny(b, "xXpP_") {
		return 0 // numbers to Go only
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if f > 0 && (err == nil || math.IsInf(f, 1)) {
		return f
	}
	return 0
}
