package picture

import (
	"fmt"
	"html"
	"html/template"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Picture is a drawing with its size in pixels at scale 1.
type Picture struct {
	title, words  string
	width, height float64
	body          strings.Builder
}

func newPicture(title string, width, height float64) *Picture {
	return &Picture{title: title, width: width, height: height}
}

// Words tells what the picture shows.
func (p *Picture) Words() string { return clean(p.title + ". " + p.words) }

// Style is the style sheet of all pictures, light and dark.
const Style = `.pic{font:12px system-ui,sans-serif;fill:#222;color:#222;max-width:100%;height:auto}
.pic .ax{stroke:#666;fill:none}.pic .grid{stroke:#ddd;fill:none}.pic .q{fill:#555}
.pic .m{fill:#1b5e9b;stroke:#1b5e9b}.pic .h{fill:none}.pic .b{fill:#1b5e9b}
.pic .th{stroke:#b3261e;stroke-dasharray:6 4;fill:none}.pic .tt{fill:#b3261e}.pic .ln{stroke:#1b5e9b;fill:none;stroke-width:1.5}
.pic .ti{font-size:13px;font-weight:600}.pic .le{font-family:ui-monospace,monospace;font-size:12px}
@media(prefers-color-scheme:dark){.pic{fill:#e6e6e6;color:#e6e6e6}.pic .ax{stroke:#999}.pic .grid{stroke:#3a3f44}.pic .q{fill:#b5b5b5}
.pic .m{fill:#7fb8ea;stroke:#7fb8ea}.pic .h{fill:none}.pic .b{fill:#7fb8ea}.pic .th{stroke:#ff8a80}.pic .tt{fill:#ff8a80}.pic .ln{stroke:#7fb8ea}}
`

func (p *Picture) element(attributes, inside string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" class="pic" role="img" aria-label="%s" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f"%s>%s%s</svg>`,
		html.EscapeString(p.Words()), p.width, p.height, p.width, p.height, attributes, inside, p.body.String())
}

// Inline gives the drawing for a page of HTML.
func (p *Picture) Inline() template.HTML {
	return template.HTML(p.element("", "")) // made here, of escaped text
}

// WriteFile writes the drawing as a file of its own.
func (p *Picture) WriteFile(w io.Writer) error {
	inside := fmt.Sprintf("<title>%s</title><style>%s.ground{fill:#fff}@media(prefers-color-scheme:dark){.ground{fill:#16191c}}</style><rect class=\"ground\" width=\"100%%\" height=\"100%%\"/>",
		html.EscapeString(clean(p.title)), strings.ReplaceAll(Style, "\n", ""))
	if _, err := fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n%s\n", p.element("", inside)); err != nil {
		return fmt.Errorf("writing a picture: %w", err)
	}
	return nil
}

// Stack puts pictures below each other, under a title.
func Stack(title string, parts ...*Picture) *Picture {
	const head, between = 34.0, 14.0
	all := newPicture(title, 0, head)
	var words []string
	for _, part := range parts {
		all.width = max(all.width, part.width)
	}
	all.text(10, 22, "ti", "start", title)
	for _, part := range parts {
		fmt.Fprintf(&all.body, `<g transform="translate(0 %.0f)">%s</g>`, all.height, part.body.String())
		all.height += part.height + between
		about := part.words
		if part.title != "" {
			about = part.title + ": " + about
		}
		words = append(words, about)
	}
	all.words = strings.Join(words, " ")
	return all
}

// text writes s at a place; class may be empty.
func (p *Picture) text(x, y float64, class, anchor, s string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	fmt.Fprintf(&p.body, `<text x="%.1f" y="%.1f"%s text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(clean(s)))
}

func (p *Picture) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(&p.body, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

func (p *Picture) dot(x, y, r float64, class string) {
	fmt.Fprintf(&p.body, `<circle cx="%.1f" cy="%.1f" r="%.1f" class="%s"/>`, x, y, r, class)
}

// rect has a tooltip where it is not empty.
func (p *Picture) rect(x, y, w, h float64, class, tip string) {
	if tip != "" {
		tip = "<title>" + html.EscapeString(clean(tip)) + "</title>"
	}
	fmt.Fprintf(&p.body, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s">%s</rect>`, x, y, w, h, class, tip)
}

// maxText is the longest text in a picture, in characters.
const maxText = 300

// clean replaces what XML cannot have and what turns or hides the text around it.
func clean(s string) string {
	n := 0
	s = strings.Map(func(r rune) rune {
		if n++; n > maxText*8 {
			return -1
		}
		switch {
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Zl, r), unicode.Is(unicode.Zp, r), r&0xfffe == 0xfffe:
			return '\ufffd'
		}
		return r
	}, s)
	return s
}
