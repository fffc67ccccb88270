package picture

import (
	"fmt"
	"strings"
)

// maxLetters is how many of the newest letters are drawn.
const maxLetters = 48

// rows are the kinds of regularity, the most regular last, with the letter that
// each begins with.
var rows = [...]struct {
	name  string
	first byte
}{{"not known yet", '1'}, {"not regular", 'R'}, {"weakly not", 'r'}, {"weakly regular", 'A'}, {"strongly regular", 'a'}}

// flow is what one letter says of a flow.
type flow struct {
	letter              byte
	row, size, duration int
	gap                 string // the symbol of the gap before it; 0 for hours
}

// readLetters takes letters apart: zeros, a letter, and the symbol of the gap before
// it. What is none of these is left out.
func readLetters(s string) []flow {
	var all []flow
	hours := ""
	for i := range len(s) {
		switch c := s[i]; {
		case c == '0':
			hours = "0"
		case strings.IndexByte(".,+*", c) >= 0:
			if n := len(all) - 1; n >= 0 && all[n].gap == "" {
				all[n].gap = string(c)
			}
		default:
			for row := range rows {
				if k := int(c) - int(rows[row].first); k >= 0 && k < 9 {
					all = append(all, flow{c, row, k / 3, k % 3, hours})
					hours = ""
					break
				}
			}
		}
	}
	return all
}

// Letters draws the newest letters: how regular each flow came, how large and how
// long it was. cut tells that there were more before. nil: there is none.
func Letters(letters string, cut bool) *Picture {
	all := readLetters(letters)
	if len(all) == 0 {
		return nil
	}
	total := len(all)
	if total > maxLetters {
		all, cut = all[total-maxLetters:], true
	}
	const begin, step, row, head, foot = 116.0, 12.0, 22.0, 30.0, 64.0
	base := head + row*float64(len(rows))
	p := newPicture("Letters", max(chartWidth, begin+step*float64(len(all))+12), base+foot)
	p.text(10, 18, "ti", "start", "Letters: one a flow, the newest on the right")
	for i, r := range rows {
		y := head + row*(float64(i)+0.5)
		p.text(begin-10, y+4, "q", "end", r.name)
		p.line(begin, y, p.width-12, y, "grid")
	}
	counts := make([]int, len(rows))
	for i, f := range all {
		x, y := begin+step*(float64(i)+0.5), head+row*(float64(f.row)+0.5)
		counts[f.row]++
		radius := []float64{2.5, 4, 5.5}[f.size]
		switch f.duration {
		case 0:
			p.dot(x, y, radius, "m")
		case 1:
			p.dot(x, y, radius, "m h")
		default:
			p.rect(x-radius, y-radius, 2*radius, 2*radius, "m h", "")
		}
		p.text(x, base+14, "le", "middle", string(f.letter))
		p.text(x, base+28, "le", "middle", f.gap)
	}
	p.text(begin-10, base+14, "q", "end", "letter")
	p.text(begin-10, base+28, "q", "end", "gap before it")
	p.text(10, base+46, "q", "start", "Mark: small, middle, large by bytes; filled short, ring middle, square long by duration.")
	p.text(10, base+60, "q", "start", "Gap: . up to 5 s, up to 60 s (comma), + up to 5 min, * up to an hour, 0 longer.")
	var parts []string
	for i, n := range counts {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, rows[i].name))
		}
	}
	which := "All letters"
	if cut {
		which = "The newest letters"
	}
	p.words = fmt.Sprintf("%s, %d: %s.", which, len(all), strings.Join(parts, ", "))
	return p
}
