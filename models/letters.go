package models

import (
	"fmt"
	"strings"
)

// Alphabet holds the characters that letters may consist of: one for each
// flow (unknown, strong, weak, weakly not and not periodic, nine classes of
// size and duration each), the symbols for the gap before a flow, 0 for an
// hour of silence, and #, with which the Stratosphere Testing Framework marked
// transitions that do not count.
const Alphabet = "123456789" + "abcdefghi" + "ABCDEFGHI" + "rstuvwxyz" + "RSTUVWXYZ" + ".,+*" + "0" + "#"

// alphabetInWords is for error messages.
const alphabetInWords = "1-9 a-i A-I r-z R-Z . , + * 0 #"

// LetterCounts says what letters are made of: the shape of a behaviour at a
// glance. Each flow is counted once in Regularity, Size and Duration.
type LetterCounts struct {
	// Flows is the number of letters that stand for a flow.
	Flows int `json:"flows"`
	// Regularity counts unknown, strong, weak, loose, none.
	Regularity [5]int `json:"regularity"`
	// Size counts small, medium, large; Duration short, medium, long.
	Size     [3]int `json:"size"`
	Duration [3]int `json:"duration"`
	// Gap counts the symbols . , + * and Hours the zeros.
	Gap   [4]int `json:"gap"`
	Hours int    `json:"hours"`
}

// Names of what LetterCounts counts, in its order.
var (
	RegularityNames = [5]string{"unknown", "strong", "weak", "loose", "none"}
	SizeNames       = [3]string{"small", "medium", "large"}
	DurationNames   = [3]string{"short", "medium", "long"}
	GapNames        = [4]string{"up to 5 s", "up to 60 s", "up to 300 s", "up to 1 h"}
)

// CountLetters counts what letters are made of. Characters outside the
// alphabet are not counted.
func CountLetters(letters string) LetterCounts {
	var c LetterCounts
	for i := range len(letters) {
		at := strings.IndexByte(Alphabet, letters[i])
		switch {
		case at < 0 || letters[i] == '#':
		case at < 45:
			c.Flows++
			c.Regularity[at/9]++
			c.Size[at%9/3]++
			c.Duration[at%3]++
		case at < 49:
			c.Gap[at-45]++
		default:
			c.Hours++
		}
	}
	return c
}

// lettersProblem says what is wrong with letters; empty where nothing is.
func lettersProblem(letters string) string {
	if len(letters) > MaxLetters {
		return fmt.Sprintf("%d letters are too many; at most %d are allowed", len(letters), MaxLetters)
	}
	for i := range len(letters) {
		if strings.IndexByte(Alphabet, letters[i]) < 0 {
			return fmt.Sprintf("letter %d is %q; allowed are %s", i+1, letters[i], alphabetInWords)
		}
	}
	return ""
}
