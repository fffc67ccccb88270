package terminal

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// look is how text looks. It is comparable; its zero value is as the terminal
// writes.
type look struct {
	colour                          colour
	bold, faint, reverse, underline bool
}

// colour is one of the sixteen that every terminal has, in the shade that its user
// chose: the short sequences suit a slow line. 0 is none.
type colour uint8

const (
	redColour colour = 1 + iota
	greenColour
	yellowColour
	cyanColour
)

var colours = [...]ansi.BasicColor{redColour: ansi.Red, greenColour: ansi.Green, yellowColour: ansi.Yellow, cyanColour: ansi.Cyan}

// The styles. Where colours are not wanted, bold, faint and reverse are left, and
// everything is said in words or letters as well.
var (
	base       = look{}
	bold       = look{bold: true}
	faint      = look{faint: true}
	selected   = look{reverse: true}
	red        = look{colour: redColour}
	redBold    = look{colour: redColour, bold: true}
	alarm      = look{colour: redColour, bold: true, reverse: true}
	yellow     = look{colour: yellowColour}
	yellowBold = look{colour: yellowColour, bold: true}
	green      = look{colour: greenColour}
	cyan       = look{colour: cyanColour}
)

// under is the same style, underlined.
func (s look) under() look {
	s.underline = true
	return s
}

// render writes text in the style.
func (s look) render(text string) string {
	if s == base || text == "" {
		return text
	}
	var a ansi.Style
	if s.bold {
		a = a.Bold()
	}
	if s.faint {
		a = a.Faint()
	}
	if s.underline {
		a = a.Underline(true)
	}
	if s.reverse {
		a = a.Reverse(true)
	}
	if s.colour != 0 {
		a = a.ForegroundColor(colours[s.colour])
	}
	return a.Styled(text)
}

// part is text in one style.
type part struct {
	style look
	text  string
}

// line is a line of the screen.
type line []part

// add appends text in a style.
func (l *line) add(style look, text string) {
	if text != "" {
		*l = append(*l, part{style: style, text: text})
	}
}

// words is a line of one part.
func words(style look, text string) line { return line{{style: style, text: text}} }

// width is how many places it takes.
func (l line) width() int {
	n := 0
	for _, p := range l {
		n += widthOf(p.text)
	}
	return n
}

// render writes the line with its styles, at most so many places wide.
func (l line) render(width int) string {
	var b strings.Builder
	for _, p := range l {
		if width <= 0 {
			break
		}
		text := p.text
		if n := widthOf(text); n > width {
			text = cut(text, width)
			width = 0
		} else {
			width -= n
		}
		b.WriteString(p.style.render(text))
	}
	return b.String()
}

// flat writes the line in one style, as wide as it should be: a line that is
// selected has no other.
func (l line) flat(style look, width int) string {
	var b strings.Builder
	for _, p := range l {
		b.WriteString(p.text)
	}
	return style.render(fit(b.String(), width, false))
}
