package enforce

import (
	"strings"

	"slips-ips/policy"
)

// maxComment is what nft(8) accepts when a listing is loaded again, less some
// room; from 253 bytes on the kernel's answer is wrong.
const maxComment = 120

// maxCommentID is longer than any id that policy gives (a UUID, 36).
const maxCommentID = 48

// commentOf writes what `nft list` shows beside an element. Labels come from
// model files and ids may come from elsewhere one day, so whatever could end
// the quoted text, or a terminal's patience, is replaced.
func commentOf(b policy.Block) string {
	id := strings.ReplaceAll(printable(b.ID), " ", "_")
	if len(id) > maxCommentID {
		id = id[:maxCommentID]
	}
	s := "id=" + id
	if b.Forced {
		s += forcedMark
	}
	s += " label=" + printable(b.Label)
	if len(s) > maxComment {
		s = s[:maxComment]
	}
	return s
}

// forcedMark stands behind the id, which has no blanks, of a block that is forced.
const forcedMark = " forced"

// parseComment reads what commentOf wrote; of other comments it makes nothing.
func parseComment(s string) (id, label string, forced bool) {
	id, label, ok := strings.Cut(s, " label=")
	id, isID := strings.CutPrefix(id, "id=")
	if !ok || !isID {
		return "", "", false
	}
	id, forced = strings.CutSuffix(id, forcedMark)
	return id, label, forced
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
