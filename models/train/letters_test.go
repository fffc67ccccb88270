package train

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

func TestLettersBecomeFlowsAndLettersAgain(t *testing.T) {
	tuple, ok := parseTuple("10.0.0.1-198.51.100.7-80-tcp")
	if !ok {
		t.Fatal("a tuple")
	}
	for _, letters := range []string{"88,h,h,h,h,", "22+B+B+s+B+", "99*z*Z,z,z,", "66.Z.F.w.w."} {
		got, err := Letters(FlowsOf(letters, tuple, syntheticStart))
		if err != nil {
			t.Fatal(err)
		}
		have, want := models.CountLetters(got), models.CountLetters(letters)
		if have.Flows != want.Flows || have.Size != want.Size || have.Duration != want.Duration {
			t.Errorf("%s became %s", letters, got)
		}
	}
}

// TestDrawnGapsSpellTheLetters: whatever is drawn from letters has these letters
// again, and no two draws are the same.
func TestDrawnGapsSpellTheLetters(t *testing.T) {
	tuple, ok := parseTuple("10.0.0.1-198.51.100.7-80-tcp")
	if !ok {
		t.Fatal("a tuple")
	}
	for name, letters := range map[string]string{
		"a clock":         "88,h,h,h,h,h,h,h,h,h,h,h,h,",
		"jittered":        "22+B+b+s+B+B+s+b+B+s+B+",
		"browsing":        "88.Y.y.Y.Y.H.Y.Y,Y.y.h.Y.Y.",
		"pairs":           "88.Y*Y.Y*Y.Y*Y.Y*Y.Y*Y.",
		"every few hours": "11000a000a000A000A",
		"too short":       "1",
	} {
		flows := spell(letters)
		draws := drawGaps(flows, 1, 5)
		if len(draws) != 5 {
			t.Fatalf("%s: %d draws", name, len(draws))
		}
		for i, gaps := range draws {
			got, err := Letters(flowsOf(flows, gaps, tuple, lettersStart))
			if err != nil {
				t.Fatal(err)
			}
			if got != letters {
				t.Errorf("%s: %s became %s", name, letters, got)
			}
			if i > 0 && len(gaps) > 1 && cmp.Equal(gaps, draws[i-1]) {
				t.Errorf("%s: the same gaps twice", name)
			}
		}
		if diff := cmp.Diff(draws, drawGaps(flows, 1, 5)); diff != "" {
			t.Errorf("%s: the same seed gives other gaps (-first +second)\n%s", name, diff)
		}
	}
}

// TestContradictoryLetters: strings that no flows have, which old tools and
// hostile files may hold, still give gaps within their classes.
func TestContradictoryLetters(t *testing.T) {
	for _, letters := range []string{"88.h*h.h*h.", "00000", "", "8h.h", "!8?", "88*h.Z.h*"} {
		flows := spell(letters)
		for _, gaps := range drawGaps(flows, 7, 3) {
			for i := 1; i < len(flows); i++ {
				if c := flows[i].symbol; c >= 0 && (gaps[i] < rangeGap[c][0] || gaps[i] > rangeGap[c][1]) {
					t.Errorf("%q: a gap of %v s before flow %d", letters, gaps[i], i)
				}
			}
		}
	}
}

// TestLetterFolds: hosts with a server in common are judged together, those with
// little to judge as well, and nothing that shares a host or a server with a
// fold is learned from to judge it.
func TestLetterFolds(t *testing.T) {
	line := func(tuple string, class Class) *Sample {
		x, ok := parseTuple(tuple)
		if !ok {
			t.Fatal(tuple)
		}
		return &Sample{Capture: lettersCapture, Tuple: x, Class: class, Shots: []Shot{{}}}
	}
	letters := []*Sample{
		line("10.0.0.1-198.51.100.1-80-tcp", CC),
		line("10.0.0.2-198.51.100.2-80-tcp", CC),
		line("10.0.0.3-198.51.100.1-80-tcp", CC), // joins the first two
		line("10.0.0.3-198.51.100.2-80-tcp", CC),
		line("10.0.0.4-198.51.100.4-80-tcp", CC),
		line("10.0.0.5-198.51.100.5-80-tcp", Benign),
		line("10.0.0.6-198.51.100.5-80-tcp", Benign),
		line("10.0.0.9-198.51.100.5-80-tcp", Other),
	}
	for range fewStrings {
		letters = append(letters, line("10.0.0.7-198.51.100.5-80-tcp", Benign))
	}
	captured := func(tuple string, class Class, group int) *Sample {
		s := line(tuple, class)
		s.Capture, s.Group = "a capture", group
		return s
	}
	captures := []*Sample{
		captured("10.0.0.1-192.0.2.1-443-tcp", Benign, 1),    // the same host
		captured("10.9.9.9-198.51.100.4-443-tcp", CC, 2),     // the same server
		captured("10.9.9.8-198.51.100.4-443-tcp", Benign, 3), // the same, and harmless
	}
	j := newLetterJudge(captures, letters, Share)
	want := []string{"10.0.0.1, 10.0.0.2, 10.0.0.3", "10.0.0.4", "10.0.0.5, 10.0.0.6", "10.0.0.7"}
	if diff := cmp.Diff(want, j.names); diff != "" {
		t.Fatalf("folds (-want +got)\n%s", diff)
	}
	left := make(map[string][]string)
	for fold, name := range j.names {
		for _, s := range append(captures, letters[:5]...) {
			if !j.outside(fold, s) {
				left[name] = append(left[name], s.Tuple.String())
			}
		}
	}
	wantLeft := map[string][]string{
		want[0]: {"10.0.0.1-192.0.2.1-443-tcp", "10.0.0.1-198.51.100.1-80-tcp", "10.0.0.2-198.51.100.2-80-tcp",
			"10.0.0.3-198.51.100.1-80-tcp", "10.0.0.3-198.51.100.2-80-tcp"},
		want[1]: {"10.9.9.9-198.51.100.4-443-tcp", "10.0.0.4-198.51.100.4-80-tcp"},
	}
	if diff := cmp.Diff(wantLeft, left); diff != "" {
		t.Errorf("left out (-want +got)\n%s", diff)
	}
}

// TestSpellAll: labelled tuples get their letters and who else talks to their
// network, others get nothing.
func TestSpellAll(t *testing.T) {
	tuple := func(s string) argusfeed.Tuple {
		x, ok := parseTuple(s)
		if !ok {
			t.Fatal(s)
		}
		return x
	}
	own, same, neighbour := tuple("10.0.0.1-198.51.100.7-443-tcp"), tuple("10.0.0.1-198.51.100.7-80-tcp"), tuple("10.0.0.2-198.51.100.9-80-tcp")
	flows := FlowsOf("88,h,h,", own, syntheticStart)
	for _, x := range []argusfeed.Tuple{same, neighbour, neighbour, tuple("10.0.0.2-192.0.2.9-80-tcp")} {
		flows = append(flows, argusfeed.Flow{Tuple: x, Start: syntheticStart, Packets: 1, Bytes: 100})
	}
	sortFlows(flows)
	labelled, unlabelled := &Sample{Tuple: own, Class: Benign}, &Sample{Tuple: neighbour, Class: Unknown}
	if err := spellAll(flows, []*Sample{labelled, unlabelled}); err != nil {
		t.Fatal(err)
	}
	if labelled.Letters != "88,h,h," || len(labelled.others) != 1 || labelled.others[0] != neighbour {
		t.Errorf("letters %q, others %v", labelled.Letters, labelled.others)
	}
	if unlabelled.Letters != "" || unlabelled.others != nil {
		t.Errorf("a tuple without a label has letters %q, others %v", unlabelled.Letters, unlabelled.others)
	}
}

// TestByLettersNeedsBoth: without harmless strings of two folds, or without
// command and control, there is nothing to tell.
func TestByLettersNeedsBoth(t *testing.T) {
	x, ok := parseTuple("10.0.0.1-198.51.100.7-80-tcp")
	if !ok {
		t.Fatal("a tuple")
	}
	for name, letters := range map[string][]*Sample{
		"nothing":  nil,
		"harmless": {{Capture: lettersCapture, Tuple: x, Class: Benign}},
		"C&C":      {{Capture: lettersCapture, Tuple: x, Class: CC}},
	} {
		rows, err := byLetters(nil, letters, nil, Share)
		if err != nil || rows != nil {
			t.Errorf("%s: %v, error %v", name, rows, err)
		}
	}
}
