package terminal

import (
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"slips-ips/agent/report"
)

// plain makes text from outside a part of the screen: each character takes one
// place or two, and none does anything.
func plain(s string) string { return report.Plain(s) }

// widthOf is how many places of a line s takes.
func widthOf(s string) int { return ansi.StringWidthWc(s) }

// cut shortens s to so many places; ".." tells that it did.
func cut(s string, width int) string {
	if width <= 2 {
		return ansi.TruncateWc(s, max(width, 0), "")
	}
	return ansi.TruncateWc(s, width, "..")
}

// cutMiddle shortens a tuple: its beginning and its end tell it from others.
func cutMiddle(s string, width int) string {
	const dots = ".."
	if widthOf(s) <= width || width < 2*len(dots)+len("x-x") {
		return cut(s, width)
	}
	head := ansi.TruncateWc(s, (width-len(dots))*2/5, "")
	tail := []rune(s)
	for widthOf(string(tail)) > width-len(dots)-widthOf(head) {
		tail = tail[1:]
	}
	return head + dots + string(tail)
}

// fit makes s take exactly so many places.
func fit(s string, width int, right bool) string {
	s = cut(s, width)
	pad := strings.Repeat(" ", max(0, width-widthOf(s)))
	if right {
		return pad + s
	}
	return s + pad
}

// wrap breaks s into lines of at most so many places, between words where it can.
func wrap(s string, width int) []string {
	return strings.Split(ansi.WrapWc(s, max(width, 1), ""), "\n")
}

// clock writes a time of today without its day.
func clock(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	t, now = t.Local(), now.Local()
	if y, m, d := t.Date(); !t.Equal(time.Time{}) {
		if ny, nm, nd := now.Date(); y == ny && m == nm && d == nd {
			return t.Format(time.TimeOnly)
		}
	}
	return t.Format("2006-01-02 15:04")
}
