package models

import (
	"bytes"
	"errors"
	"strings"
)

// Bounds of a file's structure, far above what a model has: the TOML parser
// needs memory and time that grow with the square of the nesting.
const (
	mostBrackets = 64
	mostKeys     = 256
	mostDots     = 64
)

// checkNesting refuses files whose tables, lists or dotted keys are nested
// more than any model needs. It counts without regard to strings, so nothing
// that the parser takes for structure escapes it.
func checkNesting(data []byte) error {
	brackets := bytes.Count(data, []byte("[")) + bytes.Count(data, []byte("{"))
	if brackets > mostBrackets || bytes.Count(data, []byte("=")) > mostKeys {
		return errors.New("more tables, lists or keys than any model has")
	}
	for line := range bytes.FieldsFuncSeq(data, func(r rune) bool { return r == '\n' || r == '\r' }) {
		key := line
		if end := bytes.LastIndexByte(line, '='); end >= 0 {
			key = line[:end]
		} else if !bytes.ContainsRune(line, '[') {
			continue
		}
		if bytes.Count(key, []byte(".")) > mostDots {
			return errors.New("a key with more dots than any key of a model has")
		}
	}
	return nil
}

// keyLines finds the line, from 1, where each key of a TOML file is given, for
// error messages: the parser does not tell. What it cannot find is left out.
func keyLines(data []byte) map[string]int {
	lines := make(map[string]int)
	table, closing, n := "", "", 0
	for line := range strings.Lines(string(data)) {
		n++
		if closing != "" { // inside a string of several lines
			if strings.Contains(line, closing) {
				closing = ""
			}
			continue
		}
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "[") {
			name, _, _ := strings.Cut(strings.TrimLeft(line, "["), "]")
			table = plainKey(name)
			note(lines, table, n)
			table += "."
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			continue
		}
		note(lines, strings.TrimPrefix(table+plainKey(name), "."), n)
		for _, quotes := range []string{"'''", `"""`} {
			if _, rest, ok := strings.Cut(value, quotes); ok && !strings.Contains(rest, quotes) {
				closing = quotes
			}
		}
	}
	return lines
}

// note remembers the first line of a key, and of the tables that it is in.
func note(lines map[string]int, key string, n int) {
	for ok := true; ok; {
		if lines[key] == 0 {
			lines[key] = n
		}
		var end int
		if end = strings.LastIndexByte(key, '.'); end >= 0 {
			key = key[:end]
		}
		ok = end >= 0
	}
}

// plainKey writes a dotted key as the parser does: without quotes and spaces.
func plainKey(key string) string {
	parts := strings.Split(key, ".")
	for i, part := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(part), `"'`)
	}
	return strings.Join(parts, ".")
}
