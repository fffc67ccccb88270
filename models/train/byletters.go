package train

import (
	"fmt"
	"math"
	"slices"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// How often flows are drawn from letters: to learn from, and to be judged.
const (
	drawsLearned = 2
	drawsJudged  = 24
)

// byLetters judges strings of letters by letters alone: by classifiers that were
// fitted on captures, beacons of the lab and other strings, all of them seen
// through their letters. Nothing is judged by what has seen it: the strings of a
// host are left out together with those of hosts that call the same command and
// control, and with the captures of all these. The threshold lets a share of the
// harmless strings of the other folds be alerted on, each of them scored by a
// classifier that has seen neither of the two folds.
//
// The scores are means over draws of what is the worst moment of each; there is
// one row a fold. Without harmless strings in two folds and command and control
// there is nothing to tell, and the result is nil.
func byLetters(captures, letters, made []*Sample, share float64) ([]*Row, error) {
	j := newLetterJudge(captures, letters, share)
	lines := slices.DeleteFunc(slices.Clone(letters), func(s *Sample) bool { return s.Class != CC && s.Class != Benign })
	folds := map[Class]map[int]bool{CC: {}, Benign: {}}
	for _, s := range lines {
		folds[s.Class][j.of[s.Tuple.Src]] = true
	}
	if len(folds[Benign]) < 2 || len(folds[CC]) == 0 {
		return nil, nil
	}
	for _, set := range [][]*Sample{captures, made, lines} {
		draws, err := imagine(set, drawsLearned)
		if err != nil {
			return nil, fmt.Errorf("seeing captures through their letters: %w", err)
		}
		j.learned = append(j.learned, slices.Concat(draws...)...)
	}
	judged, err := imagine(lines, drawsJudged)
	if err != nil {
		return nil, fmt.Errorf("drawing flows from letters: %w", err)
	}
	return j.rows(lines, judged)
}

// letterJudge has what byLetters needs for its folds.
type letterJudge struct {
	share float64
	// of numbers the folds by the hosts of strings, names are theirs.
	of    map[argusfeed.Addr]int
	names []string
	// without are the groups of captures that a fold leaves out.
	without map[int]map[int]bool
	learned []*Sample
	// fitted are the classifiers that have seen neither of two folds.
	fitted map[[2]int]models.Classifier
}

// newLetterJudge makes the folds and finds the captures that each leaves out:
// those of its hosts and those with the servers that these are controlled by.
func newLetterJudge(captures, letters []*Sample, share float64) *letterJudge {
	j := &letterJudge{share: share, fitted: make(map[[2]int]models.Classifier), without: make(map[int]map[int]bool)}
	j.of, j.names = letterFolds(letters)
	servers := make(map[argusfeed.Addr]int)
	for _, s := range letters {
		if s.Class == CC {
			servers[s.Tuple.Dst] = j.of[s.Tuple.Src]
		}
	}
	leaveOut := func(fold, group int) {
		if j.without[fold] == nil {
			j.without[fold] = make(map[int]bool)
		}
		j.without[fold][group] = true
	}
	for _, s := range captures {
		if !learns(s) {
			continue
		}
		if fold, ok := j.of[s.Tuple.Src]; ok {
			leaveOut(fold, s.Group)
		}
		if fold, ok := servers[s.Tuple.Dst]; ok && s.Class == CC {
			leaveOut(fold, s.Group)
		}
	}
	return j
}

// fit gives the classifier that has seen neither of two folds, which may be the
// same.
func (j *letterJudge) fit(a, b int) (models.Classifier, error) {
	key := [2]int{min(a, b), max(a, b)}
	if c, ok := j.fitted[key]; ok {
		return c, nil
	}
	c, err := fitOn(j.learned, func(s *Sample) bool { return j.outside(a, s) && j.outside(b, s) })
	j.fitted[key] = c
	return c, err
}

// outside tells whether a sample may be learned from to judge a fold.
func (j *letterJudge) outside(fold int, s *Sample) bool {
	if s.Capture == lettersCapture {
		return j.of[s.Tuple.Src] != fold
	}
	return !j.without[fold][s.Group]
}

// rows judges each fold.
func (j *letterJudge) rows(lines []*Sample, draws [][]*Sample) ([]*Row, error) {
	var rows []*Row
	for fold, name := range j.names {
		own, err := j.fit(fold, fold)
		if err != nil {
			return nil, err
		}
		var others []Scored
		for i, s := range lines {
			if of := j.of[s.Tuple.Src]; of != fold && s.Class == Benign {
				c, err := j.fit(fold, of)
				if err != nil {
					return nil, err
				}
				others = append(others, Scored{Sample: s, Most: meanMost(c, draws[i])})
			}
		}
		threshold := thresholdFor(others, j.share)
		row := &Row{Name: name}
		for i, s := range lines {
			if j.of[s.Tuple.Src] != fold {
				continue
			}
			o := Outcome{Sample: s}
			if meanMost(own, draws[i]) >= threshold {
				o.Alerts = 1
			}
			row.add(&o)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// meanMost is the mean of the worst moment of each draw. One that is never
// looked at counts as harmless as can be told.
func meanMost(c models.Classifier, draws []*Sample) float64 {
	const harmless = -10
	sum := 0.0
	for _, s := range draws {
		sum += max(harmless, score(c, s).Most)
	}
	if len(draws) == 0 {
		return math.Inf(-1)
	}
	return sum / float64(len(draws))
}
