package agent

import (
	"bytes"
	"strings"
)

// deepest is how many parts a key of slips.toml may have, and how many tables and lists
// may be inside each other, far above what any has: the toml package takes time as the
// square of them or more, and who may only look on may have a file tried.
const deepest = 16

// tooDeep finds what is deeper than it may be. It reads text that may be no
// TOML at all; up to the first mistake in it, which ends the toml package's reading, it
// knows what is a string and what a comment.
func tooDeep(data []byte) (line int, found bool) {
	line = 1
	parts, inside := 1, 0
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case '\n':
			line++
			parts = 1
		case '#':
			if end := bytes.IndexByte(data[i:], '\n'); end > 0 {
				i += end - 1
			} else {
				return 0, false
			}
		case '"', '\'':
			text := data[i : i+stringLength(data[i:])]
			line += bytes.Count(text, []byte{'\n'})
			i += len(text) - 1
		case '.':
			parts++
		case '[', '{':
			parts = 1
			inside++
		case ']', '}':
			parts = 1
			inside = max(0, inside-1)
		case '=', ',':
			parts = 1
		}
		if parts > deepest || inside > deepest {
			return line, true
		}
	}
	return 0, false
}

// stringLength gives how long the string is that data begins with, its quotes included.
func stringLength(data []byte) int {
	quote := data[0]
	long := strings.Repeat(string(quote), 3)
	if !bytes.HasPrefix(data, []byte(long)) {
		for i := 1; i < len(data); i++ {
			switch {
			case data[i] == quote:
				return i + 1
			case data[i] == '\n':
				return i // a mistake
			case data[i] == '\\' && quote == '"':
				i++
			}
		}
		return len(data)
	}
	for i := len(long); i < len(data); i++ {
		if data[i] == '\\' && quote == '"' {
			i++
		} else if bytes.HasPrefix(data[i:], []byte(long)) {
			i += len(long)
			for n := 0; n < 2 && i < len(data) && data[i] == quote; n++ { // of the text
				i++
			}
			return i
		}
	}
	return len(data)
}
