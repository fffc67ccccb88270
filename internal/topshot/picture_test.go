//go:build linux

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// A picture is well-formed, has the text in its colours, and nothing of it is markup.
func TestPicture(t *testing.T) {
	got := picture("\x1b[1;31ma.a.\x1b[0m <script>&\"\n\n\x1b[7m> blocked\x1b[0m\x1b[2m faint\x1b[0m")
	for _, want := range []string{
		`fill="#ff6b68"`, `font-weight="bold">a.a.<`, "&lt;script&gt;&amp;", `fill="` + paper + `" textLength="75.6"`, `opacity="0.6"> faint<`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("there is no %s in\n%s", want, got)
		}
	}
	for d := xml.NewDecoder(strings.NewReader(got)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// The screen is taken when the text is there and nothing changes any more.
func TestWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		screens := []string{"", "ver", "verdict", "verdict: blocked", "verdict: blocked", "later"}
		n := 0
		next := func() (string, error) { n++; return screens[min(n, len(screens))-1], nil }
		if got, err := waitFor(next, "verdict"); err != nil || got != "verdict: blocked" {
			t.Errorf("%q, %v", got, err)
		}
		if _, err := waitFor(next, "verdict"); err == nil || !strings.Contains(err.Error(), "later") {
			t.Errorf("%v", err)
		}
	})
}
