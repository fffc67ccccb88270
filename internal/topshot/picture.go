//go:build linux

package main

import (
	"fmt"
	"html"
	"image/color"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"
)

// The size of a character in the picture, and its colours.
const (
	cellWidth, cellHeight = 8.4, 18
	margin                = 12
	paper, ink            = "#14171c", "#d6d9de"
)

// shades are the basic colours, for a dark paper.
var shades = map[ansi.BasicColor]string{ansi.Red: "#ff6b68", ansi.Green: "#7fcf8a", ansi.Yellow: "#e5c15c", ansi.Cyan: "#62c4d6"}

// picture draws what tmux captured.
func picture(screen string) string {
	var b strings.Builder
	w, h := 2*margin+int(width*cellWidth), 2*margin+height*cellHeight
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" font-family="ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="14">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="6" fill="%s"/>`+"\n", w, h, paper)
	for y, line := range uv.NewStyledString(screen).Lines(ansi.WcWidth) {
		for x := 0; x < len(line); {
			from := x
			text := ""
			for x < len(line) && line[x].Style.Equal(&line[from].Style) {
				text += line[x].Content
				x++
			}
			runOf(&b, from, y, text, &line[from].Style)
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// runOf draws text in one style.
func runOf(b *strings.Builder, x, y int, text string, s *uv.Style) {
	fill, back, more := shade(s.Fg), "", ""
	if s.Attrs&uv.AttrReverse != 0 {
		fill, back = paper, fill
	}
	left, top := margin+float64(x)*cellWidth, margin+y*cellHeight
	long := float64(len([]rune(text))) * cellWidth
	if back != "" {
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left, top, long, cellHeight, back)
	}
	if strings.TrimSpace(text) == "" {
		return
	}
	if s.Attrs&uv.AttrBold != 0 {
		more += ` font-weight="bold"`
	}
	if s.Attrs&uv.AttrFaint != 0 {
		more += ` opacity="0.6"`
	}
	if s.Underline != 0 {
		more += ` text-decoration="underline"`
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%d" fill="%s" textLength="%.1f" lengthAdjust="spacingAndGlyphs" xml:space="preserve"%s>%s</text>`+"\n",
		left, top+cellHeight-5, fill, long, more, html.EscapeString(text))
}

func shade(c color.Color) string {
	if basic, ok := c.(ansi.BasicColor); ok && shades[basic] != "" {
		return shades[basic]
	}
	return ink
}
