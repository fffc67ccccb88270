package train

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/internal/testenv"
	"slips-ips/models"
	"slips-ips/models/lab"
)

func TestClassOf(t *testing.T) {
	for label, want := range map[string]Class{
		"flow=From-Botnet-V47-TCP-CC73-Not-Encrypted": CC,
		"Malicious-CC":                        CC,
		"Synthetic-periodic-CC":               CC,
		"From-Botnet-Simda-TCP-CC-candidate":  Candidate,
		"From-Normal-CTU-UDP-DNS":             Benign,
		"flow=From-Normal-V47-Jist":           Benign,
		"Benign-Dropbox":                      Benign,
		"From-Botnet-V47-TCP-Attempt-SPAM":    Other,
		"Malicious-External-Attack-to-Device": Other,
		"flow=Malware-UDP-DNS":                Other,
		"flow=Background":                     Unknown,
		"":                                    Unknown,
	} {
		if got := ClassOf(label); got != want {
			t.Errorf("%q is %s, want %s", label, got, want)
		}
	}
}

// TestFitFindsWeights: on examples drawn from a classifier the fit comes near it,
// and a feature that would turn around stays out.
func TestFitFindsWeights(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // a test
	var samples []*Sample
	for range 4000 {
		var x detection.Features
		for i := range x {
			x[i] = rng.NormFloat64()
		}
		// length (sign 1) weighs 1.5, company (sign -1) -1, and held (sign -1) is
		// made to seem to speak for it.
		at := func(name string) float64 {
			for i, f := range detection.FeatureList {
				if f.Name == name {
					return x[i]
				}
			}
			panic(name)
		}
		p := 1 / (1 + math.Exp(-(-0.5 + 1.5*at("length") - at("company") + 0.7*at("held"))))
		s := &Sample{Class: Benign, Weight: 1, Shots: []Shot{{Contacts: 9, Features: x}}}
		if rng.Float64() < p {
			s.Class = CC
		}
		samples = append(samples, s)
	}
	c, err := Fit(samples)
	if err != nil {
		t.Fatal(err)
	}
	if w := c.Weights; math.Abs(w["length"]-1.4) > 0.2 || math.Abs(w["company"]+0.9) > 0.2 || w["held"] != 0 {
		t.Errorf("weights %v, intercept %v", w, c.Intercept)
	}
}

// TestCapturesLeftOut is what the design must show: each capture scored without
// it, all command and control is found, and at most 5 % of the benign tuples
// are ever alerted on; letters, which nothing is learned from, besides.
func TestCapturesLeftOut(t *testing.T) {
	result := evaluated(t)
	tables := result.Tables()
	if cc := tables.Total.CC; cc.Of != 6 || cc.Hit != 6 {
		t.Errorf("C&C found: %d of %d; missed %v", cc.Hit, cc.Of, tables.Missed)
	}
	if b := tables.Total.Benign; b.Of != 214 || b.Share() > 0.05 {
		t.Errorf("benign alerted on: %d of %d", b.Hit, b.Of)
	}
	if n := tables.Total.NeverJudged; n != 63 {
		t.Errorf("%d benign tuples are never judged", n)
	}
	if at, ok := best(tables.ROCLetters, 0.05); !ok || at.CC < 0.8 {
		t.Errorf("letters: %.0f %% of the C&C at 5 %% of Normal", 100*at.CC)
	}
	// By letters alone, each host judged by what has seen neither it nor its
	// captures: 40 with these draws, 38 to 40 with others.
	if all := tables.ByLettersAll; all == nil || all.CC.Of != 46 || all.CC.Hit < 38 || all.Benign.Of != 262 || all.Benign.Share() > Share {
		t.Errorf("by letters alone: %+v", all)
	}
	for _, row := range tables.Made {
		least := 0.9
		if row.Name == "session" {
			least = 0.25 // nothing like it is among the others
		}
		if row.CC.Share() < least {
			t.Errorf("lab, %s: %d of %d", row.Name, row.CC.Hit, row.CC.Of)
		}
	}
	// Calibrated: the sum of probabilities is about the number of C&C tuples.
	sum, cc := 0.0, 0.0
	for _, b := range tables.Calibration {
		sum, cc = sum+b.Predicted*float64(b.Tuples), cc+b.Observed*float64(b.Tuples)
	}
	if math.Abs(sum-cc) > 0.2*cc {
		t.Errorf("the probabilities add up to %.1f, there are %.0f C&C tuples", sum, cc)
	}
	// The built-in classifier is the one that these data give.
	built := defaultClassifier(t)
	if math.Abs(built.Threshold-result.Classifier.Threshold) > 0.02 {
		t.Errorf("the built-in threshold is %v, the data give %v: run models fit", built.Threshold, result.Classifier.Threshold)
	}
	for name, w := range result.Classifier.Weights {
		if math.Abs(w-built.Weights[name]) > 0.02 {
			t.Errorf("the built-in weight of %s is %v, the data give %v: run models fit", name, built.Weights[name], w)
		}
	}

	for name, draw := range map[string]func(io.Writer) error{"roc": tables.ROCPicture} {
		checkSVG(t, name, draw)
	}
	var md bytes.Buffer
	if err := tables.Markdown(&md, false); err != nil || !strings.Contains(md.String(), "| all | 6 of 6 |") {
		t.Errorf("error %v in\n%s", err, md.String())
	}
}

func evaluated(t *testing.T) *Result {
	t.Helper()
	data := testenv.Reference(t, "data")
	files, err := Files([]string{data})
	if err != nil {
		t.Fatal(err)
	}
	captures, err := Load(t.Context(), files, LoadOptions{MinFlows: 10, Letters: true})
	if err != nil {
		t.Fatal(err)
	}
	letters, err := LoadLetters(filepath.Join(data, "stf-labelled-letters", "labelled_letters.tsv"), 10)
	if err != nil {
		t.Fatal(err)
	}
	made, err := Synthetic()
	if err != nil {
		t.Fatal(err)
	}
	result, err := Evaluate(captures, letters, made, Options{MinFlows: 10})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func checkSVG(t *testing.T, name string, draw func(io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := draw(&b); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	dec := xml.NewDecoder(&b)
	for {
		if _, err := dec.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("%s is no XML: %v", name, err)
		}
	}
}

// TestLearn: a model fits what it was learned from, not something else; a
// normal one silences it.
func TestLearn(t *testing.T) {
	p := lab.Plan{Proto: "tcp", Port: 443, Visits: 60, Period: 5 * time.Minute, Share: 0.05, Bytes: 4000, Noise: 0.1, Lasts: time.Second}
	tuple := labTuple(t, p)
	flows := p.Flows(tuple, syntheticStart, 1)
	count := func(set []models.Model, flows []argusfeed.Flow) (n int, label string) {
		cfg := detection.DefaultConfig()
		d, err := detection.New(cfg, set, detection.Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range d.Observe(flows) {
			n, label = n+1, x.Label
		}
		return n, label
	}
	before, _ := count(builtin(t), flows)
	if before < 20 {
		t.Fatalf("%d detections without a model", before)
	}
	mine, err := Learn(flows, tuple, LearnOptions{Label: "From-Botnet-TCP-HTTPS-Mine-1", Evidence: 3})
	if err != nil {
		t.Fatal(err)
	}
	mine.File = "mine.toml"
	if n, label := count([]models.Model{mine}, p.Flows(tuple, syntheticStart, 2)); n < before || label != mine.Label {
		t.Errorf("with its model %d detections as %s, without %d", n, label, before)
	}
	var file bytes.Buffer
	if err := models.Write(&file, mine); err != nil {
		t.Fatal(err)
	}
	if _, err := models.Read(&file, "mine.toml"); err != nil {
		t.Error(err)
	}
	normal, err := Learn(flows, tuple, LearnOptions{Label: "From-Normal-TCP-HTTPS-Mine-1", Evidence: models.Decisive})
	if err != nil {
		t.Fatal(err)
	}
	normal.File = "normal.toml"
	set := append(builtin(t), normal)
	if n, _ := count(set, p.Flows(tuple, syntheticStart, 3)); n > 0 {
		t.Errorf("%d detections of what is normal", n)
	}
	elsewhere := tuple
	elsewhere.Dst = argusfeed.AddrFrom4([4]byte{198, 19, 0, 9})
	if n, _ := count(set, p.Flows(elsewhere, syntheticStart, 3)); n < before/2 {
		t.Errorf("a normal model of one network silences another: %d detections", n)
	}
	slow := p
	slow.Period = time.Hour
	if n, _ := count(set, slow.Flows(tuple, syntheticStart, 3)); n == 0 {
		t.Error("a normal model silences another rhythm")
	}
	for what, bad := range map[string][]argusfeed.Flow{"no flow": nil, "four contacts": flows[:4]} {
		if _, err := Learn(bad, tuple, LearnOptions{Label: "From-Botnet-TCP-HTTPS-Mine-1"}); err == nil {
			t.Errorf("learned from %s", what)
		}
	}
}

// TestBaseline: what recurs and alerts is proposed, with all that its model
// would silence; what is nearly sure is not.
func TestBaseline(t *testing.T) {
	poll := lab.Plan{Proto: "tcp", Port: 443, Visits: 200, Period: 15 * time.Minute, Share: 0.02, Bytes: 4000, Noise: 0.2, Tasks: 0.4, TaskBytes: 20000, Lasts: time.Second}
	bad := lab.Plan{Proto: "tcp", Port: 4444, Visits: 200, Period: 15 * time.Minute, Share: 0.1, Bytes: 900, Lasts: time.Second}
	quiet := lab.Plan{Proto: "tcp", Port: 443, Visits: 300, Period: 10 * time.Minute, Jitter: lab.Lognormal, Share: 1.5, Bytes: 9000, Noise: 1, Lasts: time.Second}
	a, b, c := labTuple(t, poll), labTuple(t, bad), labTuple(t, quiet)
	b.Dst, c.Dst = argusfeed.AddrFrom4([4]byte{203, 0, 113, 9}), argusfeed.AddrFrom4([4]byte{192, 0, 2, 9})
	flows := append(append(poll.Flows(a, syntheticStart, 1), bad.Flows(b, syntheticStart, 1)...), quiet.Flows(c, syntheticStart, 1)...)
	sortFlows(flows)
	proposals, refused, brief, err := Baseline(flows, BaselineOptions{Models: builtin(t), MinSpan: 24 * time.Hour, MinContacts: 10, Unsure: 0.95, Most: 5})
	if err != nil {
		t.Fatal(err)
	}
	if len(proposals) != 1 || proposals[0].Tuple != a || len(proposals[0].Silences) != 1 || proposals[0].Silences[0].Tuple != a ||
		proposals[0].Allow != "198.18.0.0/24 10.0.0.2 calls port 443 there" {
		t.Errorf("proposals %+v", proposals)
	}
	if brief != 0 {
		t.Errorf("%d tuples are too brief", brief)
	}
	if _, _, brief, err := Baseline(flows, BaselineOptions{Models: builtin(t), MinSpan: 240 * time.Hour, MinContacts: 10, Unsure: 0.95, Most: 5}); err != nil || brief != 2 {
		t.Errorf("%d tuples are too brief for ten days, error %v", brief, err)
	}
	if len(refused) != 1 || refused[0].Tuple != b || refused[0].Probability < 0.95 {
		t.Errorf("refused %+v", refused)
	}
}

func TestContactsPicture(t *testing.T) {
	p := lab.Plan{Proto: "tcp", Port: 80, Visits: 10, Period: time.Minute, Bytes: 400, Lasts: time.Second}
	tuple := labTuple(t, p)
	flows := p.Flows(tuple, syntheticStart, 1)
	checkSVG(t, "contacts", func(w io.Writer) error { return ContactsPicture(w, tuple, flows) })
	if err := ContactsPicture(io.Discard, tuple, nil); err == nil {
		t.Error("drew a tuple that is not there")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a.binetflow", "b.binetflow.gz", "b.labelled-only.binetflow", "c.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Files([]string{dir})
	if err != nil || len(got) != 2 || filepath.Base(got[1]) != "b.binetflow.gz" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := Files([]string{t.TempDir()}); err == nil {
		t.Error("an empty folder has captures")
	}
}

// TestTooLittle: what cannot be learned from is told, not learned from.
func TestTooLittle(t *testing.T) {
	sample := func(group int, c Class) *Sample {
		return &Sample{Capture: string(rune('a' + group)), Group: group, Class: c, Flows: 12, Shots: []Shot{{Contacts: 9}}}
	}
	capture := func(samples ...*Sample) *Capture { return &Capture{Name: samples[0].Capture, Samples: samples} }
	for name, c := range map[string]struct {
		captures []*Capture
		want     string
	}{
		"nothing":        {[]*Capture{capture(sample(0, Unknown))}, "no tuple of 10 flows or more has a label"},
		"spam only":      {[]*Capture{capture(sample(0, Other))}, "no C&C tuple"},
		"nothing benign": {[]*Capture{capture(sample(0, CC)), capture(sample(1, CC))}, "no benign tuple"},
		"one capture":    {[]*Capture{capture(sample(0, CC), sample(0, Benign))}, "without the capture a"},
	} {
		if _, err := Evaluate(c.captures, nil, nil, Options{MinFlows: 10}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// builtin gives the models that are built into the program.
func builtin(tb testing.TB) []models.Model {
	tb.Helper()
	set, err := models.Builtin()
	if err != nil {
		tb.Fatal(err)
	}
	return set
}

// defaultClassifier gives the classifier that is built into the program.
func defaultClassifier(tb testing.TB) models.Classifier {
	tb.Helper()
	c, err := models.DefaultClassifier()
	if err != nil {
		tb.Fatal(err)
	}
	return c
}
