package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Plain makes text from outside safe for a terminal: names in a feed (ra
// without -n) and comments could carry control characters, which terminals obey,
// characters that turn the order of those around them, and such that take no
// place and so hide. Each becomes a question mark.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf:
			if r < ' ' || r == 0x7f {
				return '?'
			}
		case !unicode.IsGraphic(r), unicode.Is(unicode.M, r), unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r):
			return '?'
		}
		return r
	}, s)
}
