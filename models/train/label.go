package train

import "strings"

// Class is what a label says about a tuple.
type Class string

// The classes.
const (
	// CC is command and control, Benign harmless.
	CC     Class = "C&C"
	Benign Class = "benign"
	// Candidate is what its labeller took for command and control without being
	// sure. It is counted and left out of rates.
	Candidate Class = "candidate"
	// Other is malicious and no command and control (spam, DNS of a bot, attacks
	// from outside); Unknown is everything else.
	Other   Class = "other malicious"
	Unknown Class = "unknown"
)

// Classes is the order in which the label of a flow decides about its tuple.
var Classes = []Class{CC, Candidate, Benign, Other, Unknown}

// ClassOf reads a label of the captures of the Stratosphere Laboratory and of
// those named alike.
func ClassOf(label string) Class {
	lower := strings.ToLower(label)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(lower, w) {
				return true
			}
		}
		return false
	}
	malicious := has("botnet", "malware", "malicious", "synthetic")
	switch {
	case malicious && strings.Contains(label, "CC"):
		if has("candidate") {
			return Candidate
		}
		return CC
	case has("normal") || strings.HasPrefix(lower, "benign"):
		return Benign
	case malicious:
		return Other
	}
	return Unknown
}

func rank(c Class) int {
	for i, other := range Classes {
		if c == other {
			return i
		}
	}
	return len(Classes)
}
