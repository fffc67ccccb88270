package enforce

import "strings"

// maxComment is what nft(8) accepts when a listing is loaded again, less some
// room; from 253 bytes on the kernel's answer is wrong.
const maxComment = 120

// maxCommentID is longer than any id that policy gives (a UUID, 36).
const maxCommentID = 48

// commentOf writes what `nft list` shows beside an element. Labels come from
// model files and ids may come from elsewhere one day, so whatever could end
// the quoted text, or a terminal's patience, is replaced.
func commentOf(id, label string) string {
	id = strings.ReplaceAll(printable(id), " ", "_")
	if len(id) > maxCommentID {
		id = id[:maxCommentID]
	}
	s := "id=" + id + " label=" + printable(label)
	if len(s) > maxComment {
		s = s[:maxComment]
	}
	return s
}

// parseComment reads what commentOf wrote; other comments give two empty strings.
func parseComment(s string) (id, label string) {
	id, label, ok := strings.Cut(s, " label=")
	id, isID := strings.CutPrefix(id, "id=")
	if !ok || !isID {
		return "", ""
	}
	return id, label
}

// printable replaces what is not printable ASCII, quotes and backslashes.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '_'
		}
		return r
	}, s)
}
