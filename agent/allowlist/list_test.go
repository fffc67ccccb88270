package allowlist

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var prefixes = cmpopts.EquateComparable(netip.Prefix{})

func entry(network string, until time.Time) Entry {
	return Entry{Network: netip.MustParsePrefix(network), Comment: "the printers", Since: now, Until: until, By: "root"}
}

func open(t *testing.T, path string) *List {
	t.Helper()
	l, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestListSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "allow.json")
	l := open(t, path)
	soon := now.Add(time.Hour)
	for _, e := range []Entry{entry("192.0.2.7/24", soon), entry("10.0.0.5/32", time.Time{}), entry("2001:db8::1/48", now.Add(2*time.Hour))} {
		if err := l.Add(e, now); err != nil {
			t.Fatal(err)
		}
	}
	got, next := open(t, path).Entries(now)
	want := []Entry{entry("10.0.0.5/32", time.Time{}), entry("192.0.2.0/24", soon), entry("2001:db8::/48", now.Add(2*time.Hour))}
	if d := cmp.Diff(want, got, prefixes); d != "" || !next.Equal(soon) {
		t.Error(d, next)
	}
	if got, next = l.Entries(soon); len(got) != 2 || !next.Equal(now.Add(2*time.Hour)) {
		t.Errorf("after the first has ended: %v, next %v", got, next)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Error(info.Mode(), err)
	}
}

func TestAddReplacesAndRemoveTakesAway(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "allow.json"))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.Add(entry("192.0.2.7/32", time.Time{}), now))
	again := entry("::ffff:192.0.2.7/128", time.Time{})
	again.Comment = "another one"
	must(l.Add(again, now))
	got, _ := l.Entries(now)
	if len(got) != 1 || got[0].Comment != "another one" || got[0].Network.String() != "192.0.2.7/32" {
		t.Fatalf("%+v", got)
	}
	if _, err := l.Remove(netip.MustParsePrefix("192.0.2.8/32"), now); !errors.Is(err, ErrMissing) {
		t.Error(err)
	}
	gone, err := l.Remove(netip.MustParsePrefix("192.0.2.7/32"), now)
	must(err)
	if gone.Comment != "another one" {
		t.Errorf("%+v", gone)
	}
	if got, _ := l.Entries(now); len(got) != 0 {
		t.Errorf("%+v", got)
	}
	must(l.Add(entry("192.0.2.7/32", now), now))
	if _, err := l.Remove(netip.MustParsePrefix("192.0.2.7/32"), now); !errors.Is(err, ErrMissing) {
		t.Error("one that has ended was removed:", err)
	}
}

func TestBounds(t *testing.T) {
	l := open(t, "")
	l.entries = make([]Entry, MaxEntries)
	for i := range l.entries {
		l.entries[i] = Entry{Network: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 32)}
	}
	if err := l.Add(entry("192.0.2.7/32", time.Time{}), now); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if err := l.Add(entry("10.0.0.7/32", time.Time{}), now); err != nil {
		t.Error("replacing one:", err)
	}
	l.entries[3].Until = now // what has ended makes room
	if err := l.Add(entry("192.0.2.7/32", time.Time{}), now); err != nil {
		t.Error(err)
	}
	long := entry("10.0.0.1/32", time.Time{})
	long.Comment = strings.Repeat("x", MaxComment+1)
	if err := l.Add(long, now); err == nil {
		t.Error("a comment without an end was taken")
	}
	if err := l.Add(Entry{}, now); err == nil {
		t.Error("an entry without a network was taken")
	}
}

func TestBadFilesAreNotForgotten(t *testing.T) {
	for name, text := range map[string]string{
		"no JSON":         "{",
		"another version": `{"version":2,"entries":[]}`,
		"no network":      `{"version":1,"entries":[{"comment":"x"}]}`,
		"bad network":     `{"version":1,"entries":[{"network":"10.0.0.0/33"}]}`,
	} {
		path := filepath.Join(t.TempDir(), "allow.json")
		l := open(t, path)
		if err := l.Add(entry("10.0.0.1/32", time.Time{}), now); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := l.Read(); err == nil {
			t.Errorf("%s was read again", name)
		}
		if got, _ := l.Entries(now); len(got) != 1 {
			t.Errorf("%s: what was known is gone", name)
		}
	}
}

// What cannot be written counts, and is written when that can be done again.
func TestWriteThatFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	path := filepath.Join(dir, "allow.json")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l := open(t, path)
	for _, network := range []string{"10.0.0.1/32", "10.0.0.2/32"} {
		if err := l.Add(entry(network, time.Time{}), now); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := l.Add(entry("10.0.0.3/32", time.Time{}), now); !errors.Is(err, ErrUnsaved) {
		t.Error(err)
	}
	if _, err := l.Remove(netip.MustParsePrefix("10.0.0.1/32"), now); !errors.Is(err, ErrUnsaved) || !l.Unsaved() {
		t.Error(err)
	}
	if err := l.Save(); !errors.Is(err, ErrUnsaved) {
		t.Error(err)
	}
	r, err := l.Read() // a reload does not bring back what is in no file
	if err != nil {
		t.Fatal(err)
	}
	l.Use(r)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Save(); err != nil || l.Unsaved() {
		t.Fatal(err)
	}
	for _, list := range []*List{l, open(t, path)} {
		got, _ := list.Entries(now)
		if len(got) != 2 || got[0].Network.String() != "10.0.0.2/32" || got[1].Network.String() != "10.0.0.3/32" {
			t.Errorf("%+v", got)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "allow.json"))
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			e := entry("10.0.0.0/32", time.Time{})
			e.Network = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 32)
			for range 10 {
				if err := l.Add(e, now); err != nil {
					t.Error(err)
				}
				l.Entries(now)
				if _, err := l.Remove(e.Network, now); err != nil {
					t.Error(err)
				}
			}
			if err := l.Add(e, now); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	r, err := l.Read()
	if l.Use(r); err != nil {
		t.Fatal(err)
	}
	if got, _ := l.Entries(now); len(got) != 8 {
		t.Errorf("%d entries, want 8", len(got))
	}
}
