package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestColumns(t *testing.T) {
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, "NAME                   N  WHAT\na                      1  short\n\x3f[31mb                1000  the end of this is what counts in the end\n"},
		{44, ""},
	} {
		c := newColumns(column{name: "name"}, column{name: "n", right: true}, column{name: "what", fit: true, tail: true})
		c.add("a", "1", "short")
		c.add("\x1b[31mb", "1000", "the end of this is what counts in the end")
		var b strings.Builder
		if err := c.write(&b, tt.width); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if line = strings.TrimSuffix(line, "\n"); tt.width > 0 && len(line) > tt.width || strings.HasSuffix(line, " ") || strings.Contains(line, "\x1b") {
				t.Errorf("width %d: %q", tt.width, line)
			}
		}
		if tt.width > 0 && !strings.Contains(b.String(), "..") {
			t.Errorf("nothing was cut: %s", b.String())
		}
	}
	if got := []string{cut("abcdef", 5, false), cut("abcdef", 5, true), cut("abcdef", 6, true), cut("äöüäöü", 5, false)}; !cmp.Equal(got, []string{"abc..", "..def", "abcdef", "äöü.."}) {
		t.Error(got)
	}
}

// What may be left out is, once cutting does not do.
func TestNarrowColumns(t *testing.T) {
	c := newColumns(column{name: "tuple"}, column{name: "last", extra: true}, column{name: "label", fit: true})
	c.add(strings.Repeat("t", 20), strings.Repeat("l", 20), strings.Repeat("x", 20))
	for width, want := range map[int]string{
		0: "TUPLE LAST LABEL", 64: "TUPLE LAST LABEL", 56: "TUPLE LAST LABEL", 55: "TUPLE LABEL", 34: "TUPLE LABEL", 10: "TUPLE LABEL",
	} {
		var b strings.Builder
		if err := c.write(&b, width); err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(b.String(), "\n")
		if got := strings.Join(strings.Fields(head), " "); got != want {
			t.Errorf("width %d: %s, want %s", width, got, want)
		}
	}
}

func TestMoments(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for s, want := range map[string]string{
		"2h": "2026-03-01T10:00:00Z", "7d": "2026-02-22T12:00:00Z", "2026-03-01T08:00:00+02:00": "2026-03-01T06:00:00Z",
		"2026-03-01 12:30": "2026-03-01T11:30:00Z", "2026-03-01 12:30:15": "2026-03-01T11:30:15Z", "2026-03-01": "2026-02-28T23:00:00Z",
		"12:30": "2026-03-01T11:30:00Z", "2026-03-01T12:30": "2026-03-01T11:30:00Z",
	} {
		got, err := parseMoment(s, now)
		if err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %v, %v; want %s", s, got.UTC(), err, want)
		}
	}
	for _, s := range []string{"", "soon", "-1h", "25:00", "2026-13-01"} {
		if got, err := parseMoment(s, now); err == nil {
			t.Errorf("%q is %v", s, got)
		}
	}
}
