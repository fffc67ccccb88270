package agent

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
)

// keyLine is where a key of a TOML file stands.
type keyLine struct {
	path  string // with the index of each [[table]], from 0: policy.rule[1].action
	plain string // without: policy.rule.action
	line  int    // from 1
}

// keyLines finds the line of every table and key of a TOML file that has
// already been parsed without error. The toml package tells the line of what
// it refuses itself, but not of keys that it does not know, nor of values that
// are refused afterwards. Keys inside inline tables are not found: their table is.
func keyLines(data []byte) []keyLine {
	var (
		found   []keyLine
		table   string
		plain   string
		counts  = map[string]int{}
		quote   string // the delimiter of the multi-line string that we are in
		scanner = bufio.NewScanner(bytes.NewReader(data))
	)
	scanner.Buffer(nil, len(data)+1)
	for n := 1; scanner.Scan(); n++ {
		line := strings.TrimSpace(scanner.Text())
		if quote != "" {
			if strings.Contains(line, quote) {
				quote = ""
			}
			continue
		}
		switch {
		case strings.HasPrefix(line, "[["):
			name, _, _ := strings.Cut(line[2:], "]]")
			plain = plainKey(name)
			table = fmt.Sprintf("%s[%d]", plain, counts[plain])
			counts[plain]++
			found = append(found, keyLine{table, plain, n})
		case strings.HasPrefix(line, "["):
			name, _, isTable := strings.Cut(line[1:], "]")
			if !isTable {
				continue // a value of an array over several lines
			}
			plain = plainKey(name)
			table = plain
			found = append(found, keyLine{table, plain, n})
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok || strings.HasPrefix(line, "#") {
				continue
			}
			key = plainKey(key)
			found = append(found, keyLine{joinKey(table, key), joinKey(plain, key), n})
			for _, q := range []string{`"""`, "'''"} {
				if strings.Count(value, q) == 1 {
					quote = q
				}
			}
		}
	}
	return found
}

// plainKey takes blanks and quotes from the parts of a dotted key.
func plainKey(key string) string {
	parts := strings.Split(key, ".")
	for i, p := range parts {
		parts[i] = strings.Trim(strings.TrimSpace(p), `"'`)
	}
	return strings.Join(parts, ".")
}

func joinKey(table, key string) string {
	if table == "" {
		return key
	}
	return table + "." + key
}

// lineOf gives the line of a path, or of the nearest table or key around it;
// 0 where there is none.
func lineOf(keys []keyLine, path string) int {
	for path != "" {
		for _, k := range keys {
			if strings.EqualFold(k.path, path) { // as the toml package finds keys
				return k.line
			}
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return 0
		}
		path = path[:cut]
	}
	return 0
}
