package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// curve is a picture: what a stage measures for some numbers.
type curve struct {
	file, title, x, y string
	lines             []line
	at                []int
	value             func(figures) float64
	// ceiling is a goal that is drawn; 0: none.
	ceiling float64
}

// line is one of its lines.
type line struct{ name, stage string }

var curves = []curve{
	{"performance-models.svg", "Flows a second against the number of models", "models", "million flows/s, one core",
		[]line{{"reference scorer", "models"}}, []int{1, 4, 16, 64, 200}, millions, 0},
	{"performance-tuples.svg", "Flows a second against the tuples that are held", "tuples", "million flows/s, one core",
		[]line{{"default scorer", "tuples"}, {"reference scorer", "tuples-ref"}}, []int{1000, 10_000, 100_000, 1_000_000, 5_000_000}, millions, 0},
	{"performance-letters.svg", "Flows a second against the flows of a tuple", "flows of each tuple", "million flows/s, one core",
		[]line{{"reference scorer", "letters"}}, []int{5, 20, 100, 1000, 10_000}, millions, 0},
	{"performance-memory.svg", "Memory against the tuples that are held", "tuples", "GiB resident",
		[]line{{"default scorer, usual mix", "memory"}}, []int{1000, 10_000, 100_000, 1_000_000, 5_000_000, 10_000_000},
		func(f figures) float64 { return float64(f.Resident) / (1 << 30) }, 3},
}

func millions(f figures) float64 { return f.perSecondCPU() / 1e6 }

// drawCurves measures and draws them all.
func drawCurves(ctx context.Context, o options, log io.Writer) error {
	for _, c := range curves {
		if !strings.Contains(c.file, o.only) {
			continue
		}
		values := make([][]float64, len(c.lines))
		for i, l := range c.lines {
			for _, n := range c.at {
				f, err := child(ctx, o, fmt.Sprintf("%s:%d", l.stage, n), 1)
				if err != nil {
					return err
				}
				values[i] = append(values[i], c.value(f))
				fmt.Fprintf(log, "%s, %s, %d: %.3g %s\n", c.title, l.name, n, c.value(f), c.y)
			}
		}
		if err := os.WriteFile(filepath.Join(o.svg, c.file), c.draw(values), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// The size of a picture, and the frame in it.
const (
	width, height            = 640.0, 400.0
	left, right, top, bottom = 70.0, 610.0, 40.0, 350.0
)

var colours = []string{"#1f5fa8", "#c4501b"}

// draw gives the picture: a logarithm of the numbers to the right.
func (c *curve) draw(values [][]float64) []byte {
	most := c.ceiling
	for _, line := range values {
		for _, v := range line {
			most = max(most, v)
		}
	}
	most = max(most*1.1, 1e-9)
	low, high := math.Log10(float64(c.at[0])), math.Log10(float64(c.at[len(c.at)-1]))
	px := func(n int) float64 { return left + (math.Log10(float64(n))-low)/(high-low)*(right-left) }
	py := func(v float64) float64 { return bottom - v/most*(bottom-top) }
	var b strings.Builder
	text := func(x, y float64, anchor, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(s))
	}
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%g" height="%g" viewBox="0 0 %g %g" font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%g" height="%g" fill="#fff"/><rect x="%g" y="%g" width="%g" height="%g" fill="none" stroke="#888"/>`+"\n",
		width, height, left, top, right-left, bottom-top)
	text((left+right)/2, 22, "middle", c.title)
	text((left+right)/2, height-26, "middle", c.x)
	text(left, height-8, "start", fmt.Sprintf("make curves; %s, %s", cpuModel(), time.Now().UTC().Format(time.DateOnly)))
	fmt.Fprintf(&b, `<text transform="translate(16,%g) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (top+bottom)/2, html.EscapeString(c.y))
	for i := range 5 {
		v := most / 4 * float64(i)
		fmt.Fprintf(&b, `<line x1="%g" y1="%.1f" x2="%g" y2="%.1f" stroke="#ddd"/>`+"\n", left, py(v), right, py(v))
		text(left-6, py(v)+4, "end", fmt.Sprintf("%.2g", v))
	}
	for _, n := range c.at {
		text(px(n), bottom+16, "middle", short(n))
	}
	if c.ceiling > 0 {
		fmt.Fprintf(&b, `<line x1="%g" y1="%.1f" x2="%g" y2="%.1f" stroke="#888" stroke-dasharray="6 4"/>`+"\n", left, py(c.ceiling), right, py(c.ceiling))
		text(left+8, py(c.ceiling)-5, "start", "goal")
	}
	for i, line := range values {
		var points []string
		for k, v := range line {
			points = append(points, fmt.Sprintf("%.1f,%.1f", px(c.at[k]), py(v)))
			fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", px(c.at[k]), py(v), colours[i])
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "), colours[i])
		fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="end" fill="%s">%s</text>`+"\n", right-8, top+18+16*float64(i), colours[i], html.EscapeString(c.lines[i].name))
	}
	b.WriteString("</svg>\n")
	return []byte(b.String())
}

// short writes thousands and millions.
func short(n int) string {
	switch {
	case n >= 1e6:
		return fmt.Sprintf("%dM", n/1e6)
	case n >= 1000:
		return fmt.Sprintf("%dk", n/1000)
	}
	return fmt.Sprint(n)
}
