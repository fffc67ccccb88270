package argusfeed

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// SkipKind says why a line, or a record of the binary stream, is no flow.
type SkipKind uint8

// The kinds. Header, management and blank lines are ordinary; the others are
// bad lines.
const (
	SkipHeader     SkipKind = iota // names of columns
	SkipManagement                 // a management row of Argus
	SkipBlank                      // nothing but white space
	SkipColumns                    // too few columns, or a header without one that is needed
	SkipTime                       // no readable start time
	SkipNames                      // a name that is too long, or one more than are kept
	SkipTooLong                    // a line too long to be read
	SkipRecord                     // a binary record of another type, or a damaged one

	numSkipKinds
)

var skipNames = [numSkipKinds]string{"header", "management", "blank", "columns", "time", "names", "too-long", "record"}

// String gives the word that is used in reports.
func (k SkipKind) String() string {
	if k < numSkipKinds {
		return skipNames[k]
	}
	return "unknown"
}

// Bad tells whether lines of this kind should not be in a feed.
func (k SkipKind) Bad() bool { return k > SkipBlank }

// MarshalText writes what String returns. It never fails.
func (k SkipKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what MarshalText wrote; a kind of a later version becomes
// an unknown one.
func (k *SkipKind) UnmarshalText(b []byte) error {
	*k = numSkipKinds
	if i := slices.Index(skipNames[:], string(b)); i >= 0 {
		*k = SkipKind(i)
	}
	return nil
}

// SkipError is a line of a feed that is no flow. It does not end the reading.
type SkipError struct {
	// Line is its number, from 1; of the binary stream, that of the record.
	Line uint64 `json:"line"`
	// Kind says why it is none, and Reason says it in words. The first of a
	// kind quotes what stood there.
	Kind   SkipKind `json:"kind"`
	Reason string   `json:"reason"`
}

func (e *SkipError) Error() string {
	return fmt.Sprintf("line %d skipped (%s): %s", e.Line, e.Kind, e.Reason)
}

// SkipCounter counts skipped lines by kind and keeps the first of each kind, to
// be reported once. The zero value is ready. It is safe for use by several
// goroutines.
type SkipCounter struct {
	counts [numSkipKinds]atomic.Uint64
	mu     sync.Mutex
	first  [numSkipKinds]SkipError
}

// Add counts a skipped line and tells whether it is the first of its kind.
func (c *SkipCounter) Add(e *SkipError) (first bool) {
	if e.Kind >= numSkipKinds || c.counts[e.Kind].Add(1) > 1 {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.first[e.Kind] = *e
	return true
}

// Count gives how many lines of a kind were skipped.
func (c *SkipCounter) Count(k SkipKind) uint64 {
	if k < numSkipKinds {
		return c.counts[k].Load()
	}
	return 0
}

// Counts gives the kinds that occurred, by their word.
func (c *SkipCounter) Counts() map[string]uint64 {
	m := make(map[string]uint64)
	for k := range numSkipKinds {
		if n := c.Count(k); n > 0 {
			m[k.String()] = n
		}
	}
	return m
}

// Total gives how many lines were skipped, and bad how many of them should not
// be in a feed.
func (c *SkipCounter) Total() (total, bad uint64) {
	for k := range numSkipKinds {
		n := c.Count(k)
		total += n
		if k.Bad() {
			bad += n
		}
	}
	return total, bad
}

// First gives the first skipped line of each kind that occurred, in the order
// of the kinds.
func (c *SkipCounter) First() []SkipError {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []SkipError
	for _, e := range c.first {
		if e.Line > 0 {
			all = append(all, e)
		}
	}
	return all
}
