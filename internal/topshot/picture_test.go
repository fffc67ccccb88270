//go:build linux

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
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
