package report

import "strings"

// Plain makes text from outside safe for a terminal: names in a feed (ra
// without -n) could carry control characters, which terminals obey.
func Plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
