package detection

import (
	"fmt"
	"slices"
	"strings"

	"slips-ips/models"
)

// kindOf is the kind of models that each scorer takes.
var kindOf = map[Scoring]models.Kind{
	ScoringReference: models.KindLetters,
	ScoringBehaviour: models.KindBehaviour,
}

// Select decides which scorer to use and which models it gets, in the order of
// comparison, by file name; left are those of another kind. Without models,
// ScoringAuto is the default path. Models of two kinds need a choice: it is an
// error to ask for ScoringAuto.
func Select(scoring Scoring, set []models.Model) (chosen Scoring, use, left []models.Model, err error) {
	chosen = scoring
	if scoring == ScoringAuto || scoring == "" {
		chosen = ScoringBehaviour
		letters := slices.IndexFunc(set, func(m models.Model) bool { return m.Kind == models.KindLetters })
		other := slices.IndexFunc(set, func(m models.Model) bool { return m.Kind != models.KindLetters })
		switch {
		case letters >= 0 && other >= 0:
			return "", nil, nil, fmt.Errorf("choosing a scorer: %s is for %s and %s is for %s; set scoring to one of them or move the other models away",
				set[letters].File, ScoringReference, set[other].File, ScoringBehaviour)
		case letters >= 0:
			chosen = ScoringReference
		}
	}
	for _, m := range set {
		if m.Kind == kindOf[chosen] {
			use = append(use, m)
		} else {
			left = append(left, m)
		}
	}
	slices.SortStableFunc(use, func(a, b models.Model) int { return strings.Compare(a.File, b.File) })
	return chosen, use, left, nil
}
