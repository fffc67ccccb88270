package agent

import (
	"path/filepath"
	"testing"

	"slips-ips/argusfeed"
	"slips-ips/internal/testenv"
	"slips-ips/models/train"
	"slips-ips/policy"
)

// TestNothingHarmlessIsBlocked: with the shipped policy, and each capture judged
// by a classifier that was fitted without it, no benign tuple is confirmed for
// blocking.
func TestNothingHarmlessIsBlocked(t *testing.T) {
	data := testenv.Reference(t, "data")
	files, err := train.Files([]string{data})
	if err != nil {
		t.Fatal(err)
	}
	captures, err := train.Load(t.Context(), files, train.LoadOptions{MinFlows: 10})
	if err != nil {
		t.Fatal(err)
	}
	letters, err := train.LoadLetters(filepath.Join(data, "stf-labelled-letters", "labelled_letters.tsv"), 10)
	if err != nil {
		t.Fatal(err)
	}
	made, err := train.Synthetic()
	if err != nil {
		t.Fatal(err)
	}
	result, err := train.Evaluate(captures, letters, made, train.Options{MinFlows: 10})
	if err != nil {
		t.Fatal(err)
	}
	var cc, blocked, benign int
	for i, path := range files {
		class := map[argusfeed.Tuple]train.Class{}
		group := -1
		for _, s := range captures[i].Samples {
			class[s.Tuple], group = s.Class, s.Group
		}
		fold, ok := result.Folds[group]
		if !ok {
			continue // nothing in it is ever judged
		}
		c := DefaultConfig()
		c.Detection.Classifier = &fold
		r, err := Replay(t.Context(), ReplayOptions{Config: c, Files: []string{path}})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[argusfeed.Tuple]bool{}
		for _, d := range r.Decisions {
			if d.Action != policy.ActionBlock || seen[d.Tuple] {
				continue
			}
			seen[d.Tuple] = true
			switch class[d.Tuple] {
			case train.Benign:
				t.Errorf("%s: %s would be blocked: %s", filepath.Base(path), d.Tuple, d.Reason)
			case train.CC:
				blocked++
				t.Logf("C&C %s", d.Tuple)
			default:
				t.Logf("%s %s: %s", class[d.Tuple], d.Tuple, d.Label)
			}
		}
		for _, class := range class {
			switch class {
			case train.Benign:
				benign++
			case train.CC:
				cc++
			}
		}
	}
	t.Logf("blocked: %d of %d C&C tuples, none of %d benign ones", blocked, cc, benign)
	if cc != 6 || benign != 214 || blocked < 2 {
		t.Errorf("%d of %d C&C tuples blocked, %d benign ones looked at", blocked, cc, benign)
	}
}
