package terminal

import (
	"strings"
)

// styleOf gives the style of a letter by the regularity that it tells
// (docs/letters.md); ok is false for what is no letter: the symbols of the gaps,
// which look like the letter that they belong to. A 0 is an hour of silence.
func styleOf(c byte) (style look, ok bool) {
	switch {
	case c >= 'a' && c <= 'i':
		return redBold, true // strongly periodic
	case c >= 'A' && c <= 'I':
		return yellow, true // weakly
	case c >= 'r' && c <= 'z':
		return green, true // weakly not
	case c >= 'R' && c <= 'Z':
		return cyan, true // not
	case c >= '1' && c <= '9':
		return faint, true // not known yet
	}
	return base, false
}

// letters gives the newest letters that fit, coloured by regularity. The last
// fresh ones came since the screen was drawn before, and are underlined.
func letters(s string, cutOff bool, fresh, width int) line {
	if width <= 0 {
		return nil
	}
	s = plain(s)
	if len(s) > width {
		s, cutOff = s[len(s)-width:], true
	}
	if cutOff && width > 2 {
		s = ".." + s[min(len(s), max(0, len(s)+2-width)):]
	}
	begin := len(s)
	for n := 0; n < fresh && begin > 0; {
		begin--
		if _, ok := styleOf(s[begin]); ok {
			n++
		}
	}
	var l line
	style, from := faint, 0
	flush := func(to int, next look) {
		l.add(style, s[from:to])
		style, from = next, to
	}
	for i := range len(s) {
		own, ok := styleOf(s[i])
		if !ok {
			own = style
			if i == begin {
				own = style.under()
			}
		} else if i >= begin {
			own = own.under()
		}
		if own != style {
			flush(i, own)
		}
	}
	flush(len(s), style)
	return l
}

// regular tells in a word how regular the newest letter says a tuple is.
func regular(s string) string {
	for i := len(s) - 1; i >= 0; i-- {
		switch c := s[i]; {
		case c >= 'a' && c <= 'i':
			return "very regular"
		case c >= 'A' && c <= 'I':
			return "regular"
		case c >= 'r' && c <= 'z':
			return "hardly regular"
		case c >= 'R' && c <= 'Z':
			return "irregular"
		case c >= '1' && c <= '9':
			return "too new to tell"
		}
	}
	return "no letters yet"
}

// legend explains the colours.
func legend() line {
	var l line
	for i, w := range []struct{ letter, word string }{{"a", "very regular"}, {"A", "regular"}, {"r", "hardly"}, {"R", "irregular"}, {"1", "new"}} {
		if i > 0 {
			l.add(base, "  ")
		}
		style, _ := styleOf(w.letter[0])
		first := string(w.letter[0])
		l.add(style, first+"-"+string(w.letter[0]+8))
		l.add(faint, " "+w.word)
	}
	return l
}

// textOf gives a line without its styles.
func textOf(l line) string {
	var b strings.Builder
	for _, p := range l {
		b.WriteString(p.text)
	}
	return b.String()
}
