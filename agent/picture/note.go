package picture

import "strings"

// Note is text as a picture, in lines that fit.
func Note(text string) *Picture {
	const perLine, line, most = 88, 16.0, 12
	p := newPicture("", chartWidth, 0)
	var lines []string
	now := ""
	for word := range strings.FieldsSeq(clean(text)) {
		if r := []rune(word); len(r) > perLine {
			word = string(r[:perLine]) // no word of ours is so long
		}
		if now != "" && len([]rune(now))+1+len([]rune(word)) > perLine {
			lines, now = append(lines, now), ""
		}
		if now != "" {
			now += " "
		}
		now += word
	}
	lines = append(lines, now)
	for i, l := range lines[:min(len(lines), most)] {
		p.text(10, line*float64(i+1), "", "start", l)
	}
	p.height = line*float64(min(len(lines), most)) + 4
	p.words = text
	return p
}
