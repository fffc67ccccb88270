package terminal

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"slips-ips/agent/report"
)

// input is a line that is typed. The one of bubbles would bring programs that read
// the clipboard of a desktop into a program that runs as root on routers.
type input struct {
	text []rune
	at   int // the cursor is before this one
	most int
	// whole marks text that was there before: what is typed replaces it, unless the
	// cursor was moved in it.
	whole bool
}

// set replaces the text.
func (in *input) set(s string) {
	in.text, in.at, in.whole = nil, 0, false
	in.insert(s)
	in.whole = len(in.text) > 0
}

// insert puts text before the cursor, as far as there is room. What cannot be seen
// cannot be typed or pasted.
func (in *input) insert(s string) {
	if in.whole && s != "" {
		in.remove(0, len(in.text))
	}
	in.whole = false
	for _, r := range s {
		if len(in.text) >= in.most {
			return
		}
		if r == '\t' || r == '\n' {
			r = ' '
		}
		if report.Plain(string(r)) != string(r) {
			continue
		}
		in.text = slices.Insert(in.text, in.at, r)
		in.at++
	}
}

// key changes the text; what is no such key does nothing.
func (in *input) key(k tea.KeyPressMsg) {
	if k.Text == "" {
		if in.whole && (k.String() == "backspace" || k.String() == "delete") {
			in.remove(0, len(in.text))
		}
		in.whole = false
	}
	switch k.String() {
	case "left", "ctrl+b":
		in.at = max(0, in.at-1)
	case "right", "ctrl+f":
		in.at = min(len(in.text), in.at+1)
	case "home", "ctrl+a":
		in.at = 0
	case "end", "ctrl+e":
		in.at = len(in.text)
	case "backspace", "ctrl+h":
		in.remove(max(0, in.at-1), in.at)
	case "delete", "ctrl+d":
		in.remove(in.at, min(len(in.text), in.at+1))
	case "ctrl+u":
		in.remove(0, in.at)
	case "ctrl+k":
		in.remove(in.at, len(in.text))
	case "ctrl+w":
		before := strings.TrimRight(string(in.text[:in.at]), " ")
		in.remove(len([]rune(before[:strings.LastIndexByte(before, ' ')+1])), in.at)
	default:
		in.insert(k.Text)
	}
}

func (in *input) remove(from, to int) {
	in.text = slices.Delete(in.text, from, to)
	in.at = from
}

// draw gives the part around the cursor that fits, and the cursor where it is
// typed in.
func (in *input) draw(width int, here bool) line {
	from := 0
	for from < in.at && widthOf(string(in.text[from:in.at]))+1 >= width {
		from++
	}
	before := string(in.text[from:in.at])
	under, after := " ", ""
	if in.at < len(in.text) {
		under, after = string(in.text[in.at]), string(in.text[in.at+1:])
	}
	style := base
	if here {
		style = selected
	}
	if here && in.whole {
		return words(selected, cut(string(in.text), width))
	}
	l := words(base, before)
	l.add(style, under)
	l.add(base, cut(after, max(0, width-widthOf(before)-widthOf(under))))
	return l
}
