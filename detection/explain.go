package detection

import (
	"fmt"
	"time"

	"slips-ips/argusfeed"
)

// Explanation is what a scorer thinks of a tuple at this moment. It is a value.
type Explanation struct {
	Scorer string `json:"scorer"`
	// Label, Score and Threshold are as in Detection; Malicious tells whether it
	// would be one. The label is empty where nothing matches, and may be that of
	// a normal model. Score and Threshold are then those of the nearest model for
	// slips-0.3.3, both 0 where there is none.
	Label     string  `json:"label"`
	Score     float64 `json:"score"`
	Threshold float64 `json:"threshold"`
	Malicious bool    `json:"malicious"`
	// Behaviour is the class of what is seen, malicious or not; Generic and Gap
	// are as in Detection, where it is malicious.
	Behaviour string        `json:"behaviour,omitempty"`
	Generic   bool          `json:"generic,omitempty"`
	Gap       time.Duration `json:"gap_ns,omitempty"`
	// Seen says in words what was measured.
	Seen string `json:"seen,omitempty"`
	// For and Against are the evidence in words with its weight, the heaviest
	// first.
	For     []string `json:"for"`
	Against []string `json:"against"`
	// Missing says what there is too little of for a judgement; empty: nothing.
	Missing string `json:"missing,omitempty"`
	// Contacts are the newest that are remembered, the oldest first; none for
	// slips-0.3.3, which remembers letters alone.
	Contacts []Contact `json:"contacts,omitempty"`
}

// Explain tells what the scorer in use thinks of a tuple now; ok is false where
// it is not known. It changes nothing, and asks about the newest contact as if it
// had just begun: a contact that began earlier may have been judged in other
// company.
func (d *Detector) Explain(t argusfeed.Tuple) (e Explanation, ok bool) {
	found := d.tuples.find(&t, t.Hash(d.tuples.seed))
	if found == nil {
		return Explanation{}, false
	}
	e = Explanation{Scorer: string(d.scoring), For: []string{}, Against: []string{}}
	known := d.whole(found)
	d.scorer.explain(&known, &e)
	if !d.enough(found) {
		e.Malicious = false
		if e.Missing == "" {
			e.Missing = fmt.Sprintf("%s; a detection needs %d (min_letters)", numberOf(found.all, "flow"), d.cfg.MinLetters)
		}
	}
	return e, true
}

// numberOf writes a number of things.
func numberOf[N int | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
