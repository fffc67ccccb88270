package allowlist

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/google/renameio/v2"
)

// Entry is a network that is never blocked.
type Entry struct {
	Network netip.Prefix `json:"network"`
	Comment string       `json:"comment,omitempty"`
	Since   time.Time    `json:"since"`
	// Until is when it ends; zero: never.
	Until time.Time `json:"until,omitzero"`
	// By is the user who added it.
	By string `json:"by,omitempty"`
}

// Over tells whether the entry has ended.
func (e Entry) Over(now time.Time) bool { return !e.Until.IsZero() && !e.Until.After(now) }

const (
	// MaxEntries is how many there may be.
	MaxEntries = 10_000
	// MaxComment is how long a comment may be, in bytes.
	MaxComment = 200
)

var (
	// ErrFull says that there are MaxEntries already.
	ErrFull = fmt.Errorf("the allow list has %d entries already, which is the most it may have; remove one first, or allow a larger network", MaxEntries)
	// ErrUnsaved says that the list is changed, but not its file. Save tries again.
	ErrUnsaved = errors.New("the allow list could not be written; what was changed counts until the next restart, and is written as soon as it can be")
	// ErrMissing says that there is no such entry.
	ErrMissing = errors.New("the allow list has no such network")
)

// List is the allow list. It is safe for concurrent use.
type List struct {
	path string // empty: it is kept in memory only

	mu      sync.Mutex
	entries []Entry // by network
	written uint64  // how often it changed
	unsaved bool    // the file is behind
}

// file is the form of the file.
type file struct {
	Version int     `json:"version"`
	Entries []Entry `json:"entries"`
}

const version = 1

// Open reads the list at path; one that is not there is empty. An empty path
// keeps it in memory only. A file that cannot be understood is an error: what
// an admin allowed must not be forgotten silently.
func Open(path string) (*List, error) {
	l := &List{path: path}
	r, err := l.Read()
	if err != nil {
		return nil, err
	}
	l.Use(r)
	return l, nil
}

// Read is what a file says that was read again, for Use.
type Read struct {
	// Entries are in the order of their networks, and may have ended.
	Entries []Entry
	written uint64
}

// Read reads the file again, and changes nothing.
func (l *List) Read() (Read, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := Read{Entries: l.entries, written: l.written}
	if l.path == "" || l.unsaved { // what is in memory is newer
		return r, nil
	}
	var err error
	r.Entries, err = readFile(l.path)
	return r, err
}

// Use puts what was read in force. What was added or removed since it was read
// is newer, and in the file: then the list stays as it is.
func (l *List) Use(r Read) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.written == r.written {
		l.entries = r.Entries
	}
}

func readFile(path string) ([]Entry, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the allow list: %w", err)
	}
	var f file
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("reading the allow list %s: %w; mend it, or move it away to begin with none", path, err)
	}
	if f.Version != version {
		return nil, fmt.Errorf("reading the allow list %s: it has version %d and this program knows %d; it was written by another release", path, f.Version, version)
	}
	for i := range f.Entries {
		e := &f.Entries[i]
		if !e.Network.IsValid() {
			return nil, fmt.Errorf("reading the allow list %s: entry %d has no network", path, i+1)
		}
		e.Network = canonical(e.Network)
	}
	slices.SortFunc(f.Entries, byNetwork)
	return slices.CompactFunc(f.Entries, func(a, b Entry) bool { return a.Network == b.Network }), nil
}

// Entries gives those that have not ended, in the order of their networks, and
// when the next one ends (zero: none does).
func (l *List) Entries(now time.Time) (entries []Entry, next time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return InForce(l.entries, now)
}

// InForce gives those of some entries that have not ended, and when the next one
// ends (zero: none does).
func InForce(all []Entry, now time.Time) (entries []Entry, next time.Time) {
	for _, e := range all {
		if e.Over(now) {
			continue
		}
		entries = append(entries, e)
		if !e.Until.IsZero() && (next.IsZero() || e.Until.Before(next)) {
			next = e.Until
		}
	}
	return entries, next
}

// Add adds an entry, in place of one with the same network, and writes the
// file. Where only that fails the error is ErrUnsaved.
func (l *List) Add(e Entry, now time.Time) error {
	if !e.Network.IsValid() {
		return errors.New("an allow entry needs a network")
	}
	e.Network = canonical(e.Network)
	if len(e.Comment) > MaxComment {
		return fmt.Errorf("the comment has %d bytes, at most %d are allowed", len(e.Comment), MaxComment)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := slices.DeleteFunc(slices.Clone(l.entries), func(o Entry) bool { return o.Over(now) || o.Network == e.Network })
	if len(kept) >= MaxEntries {
		return ErrFull
	}
	kept = append(kept, e)
	slices.SortFunc(kept, byNetwork)
	return l.write(kept)
}

// Remove takes the entry of a network away, gives it, and writes the file. Where
// only that fails the error is ErrUnsaved.
func (l *List) Remove(network netip.Prefix, now time.Time) (Entry, error) {
	network = canonical(network)
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.entries, func(e Entry) bool { return e.Network == network && !e.Over(now) })
	if i < 0 {
		return Entry{}, ErrMissing
	}
	gone := l.entries[i]
	return gone, l.write(slices.Delete(slices.Clone(l.entries), i, i+1))
}

// write puts entries in force and into the file.
func (l *List) write(entries []Entry) error {
	l.entries = entries
	l.written++
	return l.save()
}

// Save writes what could not be written before, if anything. Its error is
// ErrUnsaved.
func (l *List) Save() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.unsaved {
		return nil
	}
	return l.save()
}

// Unsaved tells whether something is not in the file yet.
func (l *List) Unsaved() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unsaved
}

// save replaces the file as a whole, so that a crash leaves the old or the new one.
func (l *List) save() error {
	if l.path == "" {
		return nil
	}
	data, err := json.MarshalIndent(file{Version: version, Entries: l.entries}, "", "  ")
	if err == nil {
		err = renameio.WriteFile(l.path, append(data, '\n'), 0o640)
	}
	if l.unsaved = err != nil; l.unsaved {
		return fmt.Errorf("%w: %w", ErrUnsaved, err)
	}
	return nil
}

// canonical is the form that equal networks share.
func canonical(p netip.Prefix) netip.Prefix {
	if a := p.Addr(); a.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return netip.PrefixFrom(p.Addr().WithZone(""), p.Bits()).Masked()
}

func byNetwork(a, b Entry) int {
	return cmp.Or(a.Network.Addr().Compare(b.Network.Addr()), cmp.Compare(a.Network.Bits(), b.Network.Bits()))
}
