package train

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"

	"slips-ips/argusfeed"
)

// The size of a picture, and the frame in it.
const (
	svgWidth, svgHeight                      = 640, 420
	svgLeft, svgRight, svgTop, svgBottomEdge = 70.0, 620.0, 40.0, 370.0
)

// picture collects the parts of an SVG.
type picture struct{ b strings.Builder }

func newPicture(title, x, y string) *picture {
	p := new(picture)
	fmt.Fprintf(&p.b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n",
		svgWidth, svgHeight, svgWidth, svgHeight)
	fmt.Fprintf(&p.b, `<rect width="%d" height="%d" fill="#fff"/>`+"\n", svgWidth, svgHeight)
	fmt.Fprintf(&p.b, `<rect x="%g" y="%g" width="%g" height="%g" fill="none" stroke="#888"/>`+"\n", svgLeft, svgTop, svgRight-svgLeft, svgBottomEdge-svgTop)
	p.text((svgLeft+svgRight)/2, 22, "middle", title)
	p.text((svgLeft+svgRight)/2, svgHeight-8, "middle", x)
	fmt.Fprintf(&p.b, `<text transform="translate(14,%g) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (svgTop+svgBottomEdge)/2, html.EscapeString(y))
	return p
}

func (p *picture) text(x, y float64, anchor, s string) {
	fmt.Fprintf(&p.b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(s))
}

// at gives the place of shares of the frame.
func at(x, y float64) (px, py float64) {
	return svgLeft + x*(svgRight-svgLeft), svgBottomEdge - y*(svgBottomEdge-svgTop)
}

func (p *picture) writeTo(w io.Writer) error {
	p.b.WriteString("</svg>\n")
	_, err := io.WriteString(w, p.b.String())
	return err
}

// ROCPicture draws the curves of the captures and of the letters, and the
// reference scorer, which has no threshold to move, as a point.
func (t *Tables) ROCPicture(w io.Writer) error {
	p := newPicture("C&C found against benign tuples alerted on", "share of benign tuples ever alerted on", "share of C&C tuples found")
	for i := range 6 {
		v := float64(i) / 5
		x, y := at(v, 0)
		p.text(x, y+16, "middle", fmt.Sprintf("%.1f", v))
		x, y = at(0, v)
		p.text(x-6, y+4, "end", fmt.Sprintf("%.1f", v))
	}
	curve := func(points []Point, colour, name string, line int) {
		if len(points) == 0 {
			return
		}
		var b strings.Builder
		for _, pt := range points {
			x, y := at(pt.Benign, pt.CC)
			fmt.Fprintf(&b, "%.1f,%.1f ", x, y)
		}
		fmt.Fprintf(&p.b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.TrimSpace(b.String()), colour)
		x, y := at(0.45, 0.12+0.07*float64(line))
		fmt.Fprintf(&p.b, `<rect x="%.1f" y="%.1f" width="12" height="4" fill="%s"/>`+"\n", x, y-5, colour)
		p.text(x+18, y, "start", name)
	}
	curve(t.ROC, "#1b6ca8", "behaviour, captures", 2)
	curve(t.ROCLetters, "#c8553d", "behaviour, letters alone", 1)
	if r := t.Total; r.ReferenceCC.Hit > 0 {
		x, y := at(r.ReferenceBenign.Share(), r.ReferenceCC.Share())
		fmt.Fprintf(&p.b, `<circle cx="%.1f" cy="%.1f" r="5" fill="#333"/>`+"\n", x, y)
		x, y = at(0.45, 0.12)
		fmt.Fprintf(&p.b, `<circle cx="%.1f" cy="%.1f" r="5" fill="#333"/>`+"\n", x+6, y-4)
		p.text(x+18, y, "start", "slips-0.3.3, captures")
	}
	return p.writeTo(w)
}

// ContactsPicture draws the flows of one tuple: when they began, and how many
// bytes they had.
func ContactsPicture(w io.Writer, t argusfeed.Tuple, flows []argusfeed.Flow) error {
	var some []argusfeed.Flow
	for _, f := range flows {
		if f.Tuple == t {
			some = append(some, f)
		}
	}
	if len(some) == 0 {
		return fmt.Errorf("drawing the contacts: there is no flow of %s", t)
	}
	first, last := some[0].Start, some[0].Start
	low, high := math.Inf(1), math.Inf(-1)
	for _, f := range some {
		first, last = min(first, f.Start), max(last, f.Start)
		v := math.Log10(float64(max(1, f.Bytes)))
		low, high = min(low, v), max(high, v)
	}
	low, high = math.Floor(low), math.Ceil(high+1e-9)
	if high <= low {
		high = low + 1
	}
	span := max(1, last.Sub(first).Seconds())
	p := newPicture(fmt.Sprintf("%s: %d flows", t, len(some)), "time since "+first.String(), "bytes of a flow")
	for i := range 6 {
		v := float64(i) / 5
		x, y := at(v, 0)
		p.text(x, y+16, "middle", spanText(v*span))
	}
	for e := low; e <= high; e++ {
		x, y := at(0, (e-low)/(high-low))
		p.text(x-6, y+4, "end", fmt.Sprintf("1e%.0f", e))
	}
	for _, f := range some {
		x, y := at(f.Start.Sub(first).Seconds()/span, (math.Log10(float64(max(1, f.Bytes)))-low)/(high-low))
		fmt.Fprintf(&p.b, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="#1b6ca8" fill-opacity="0.6"/>`+"\n", x, y)
	}
	return p.writeTo(w)
}
