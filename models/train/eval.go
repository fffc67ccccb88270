package train

import (
	"fmt"
	"math"
	"slices"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// Share is the share of benign tuples that the threshold lets be alerted on,
// ever, among those not learned from.
const Share = 0.05

// Options are how an evaluation is done.
type Options struct {
	// MinFlows is how many flows a tuple needs to be counted.
	MinFlows int
	// Share stands in for the constant, where it is not 0.
	Share float64
	// Classifier is measured as it is; nil: classifiers are fitted, each without
	// the captures that it is measured on.
	Classifier *models.Classifier
	// Reference says that the captures were looked at by the reference scorer.
	Reference bool
}

// Outcome is what came of one sample.
type Outcome struct {
	*Sample
	// Probability is the largest, calibrated without the sample's capture.
	Probability float64
	Alerts      int
	// FlowsToAlert and TimeToAlert lead to the first alert.
	FlowsToAlert uint64
	TimeToAlert  time.Duration
}

// Result is a whole evaluation, to be summed up in tables.
type Result struct {
	Options  Options
	Captures []*Capture
	// Flows are the samples of the captures, Letters those of which only letters
	// are known, Made the beacons of the lab.
	Flows, Letters, Made []Outcome
	// ByLetters judges the strings by letters alone, a row for each fold; nil: the
	// samples of the captures have none.
	ByLetters []*Row
	// Classifier learned from everything but the letters, with the threshold
	// chosen; or it is the one that was measured.
	Classifier models.Classifier
	CrossValid bool
	// Folds are the classifiers that groups of captures were scored by, with the
	// thresholds that were chosen without them.
	Folds map[int]models.Classifier
}

// Evaluate scores samples by what did not learn from them: each group of
// captures by a classifier fitted, calibrated and given its threshold without
// it. letters and made may be empty. Letters are never fitted on; they take
// part in the calibration of probabilities.
func Evaluate(captures []*Capture, letters, made []*Sample, opt Options) (*Result, error) {
	if opt.Share == 0 {
		opt.Share = Share
	}
	r := &Result{Options: opt, Captures: captures}
	var flows []*Sample
	for _, c := range captures {
		flows = append(flows, c.Samples...)
	}
	if !slices.ContainsFunc(flows, func(s *Sample) bool { return s.Class != Unknown }) {
		return nil, fmt.Errorf("nothing to measure: no tuple of %d flows or more has a label that says what it is", opt.MinFlows)
	}
	if opt.Classifier != nil {
		r.Classifier = *opt.Classifier
		as := func(samples []*Sample) (all []Outcome) {
			for _, s := range samples {
				all = append(all, outcome(score(r.Classifier, s), logit(r.Classifier.Threshold), 1, 0))
			}
			return all
		}
		r.Flows, r.Letters, r.Made = as(flows), as(letters), as(made)
		return r, nil
	}
	r.CrossValid, r.Folds = true, map[int]models.Classifier{}
	samples := append(slices.Clone(flows), made...)
	if err := enough(samples); err != nil {
		return nil, err
	}
	seen, held, whole, groups, err := Cross(samples, letters)
	if err != nil {
		return nil, err
	}
	all := settle(seen, held, opt.Share)
	settings := map[int]setting{}
	for _, s := range seen {
		at, ok := settings[s.Group]
		if !ok {
			if at, err = nested(samples, letters, seen, s.Group, groups[s.Group], opt.Share); err != nil {
				return nil, err
			}
			settings[s.Group] = at
			r.Folds[s.Group] = finished(groups[s.Group], at.slope, at.offset, at.threshold)
		}
		o := outcome(s, at.threshold, at.slope, at.offset)
		if s.Group >= 0 {
			r.Flows = append(r.Flows, o)
		} else {
			r.Made = append(r.Made, o)
		}
	}
	for _, s := range held {
		r.Letters = append(r.Letters, outcome(s, all.threshold, all.slope, all.offset))
	}
	if slices.ContainsFunc(flows, func(s *Sample) bool { return s.Letters != "" }) {
		if r.ByLetters, err = byLetters(flows, letters, made, opt.Share); err != nil {
			return nil, err
		}
	}
	r.Classifier = finished(whole, all.slope, all.offset, all.threshold)
	return r, nil
}

// setting is what makes a classifier of one that was fitted: a threshold, in
// log-odds before calibration, and the calibration.
type setting struct{ threshold, slope, offset float64 }

// settle chooses it by scores of captures, and of letters for the calibration.
func settle(seen, held []Scored, share float64) setting {
	var captures []Scored
	for _, s := range seen {
		if s.Group >= 0 {
			captures = append(captures, s)
		}
	}
	slope, offset := calibrate(append(slices.Clone(captures), held...))
	return setting{thresholdFor(captures, share), slope, offset}
}

// nested chooses it for a group that was left out, by scores of classifiers none
// of which has seen that group either: each other group by one that was fitted
// without both, letters by the one that was fitted without the group. Where a
// fold would have nothing to learn from, the scores that are given are used,
// those of the group left out.
func nested(samples, letters []*Sample, given []Scored, group int, without models.Classifier, share float64) (setting, error) {
	inner, of := map[int]models.Classifier{}, map[Class]map[int]bool{CC: {}, Benign: {}}
	for _, s := range samples {
		if s.Group != group && learns(s) && s.Group >= 0 {
			inner[s.Group] = models.Classifier{}
			of[s.Class][s.Group] = true
		}
	}
	var seen, held []Scored
	if len(of[CC]) < 2 || len(of[Benign]) < 2 {
		for _, s := range given {
			if s.Group != group {
				seen = append(seen, s)
			}
		}
		for _, s := range letters {
			held = append(held, score(without, s))
		}
		return settle(seen, held, share), nil
	}
	for g := range inner {
		c, err := fitOn(samples, func(o *Sample) bool { return o.Group != group && o.Group != g })
		if err != nil {
			return setting{}, err
		}
		inner[g] = c
	}
	for _, s := range samples {
		if s.Group == group || s.Group < 0 {
			continue
		}
		c, ok := inner[s.Group]
		if !ok {
			c = without
		}
		seen = append(seen, score(c, s))
	}
	for _, s := range letters {
		held = append(held, score(without, s))
	}
	return settle(seen, held, share), nil
}

// enough tells what is missing for learning and measuring: both kinds of tuples,
// and what is left of them when a group is left out.
func enough(samples []*Sample) error {
	count := func(keep func(*Sample) bool) map[Class]int {
		n := map[Class]int{}
		for _, s := range samples {
			if learns(s) && keep(s) {
				n[s.Class]++
			}
		}
		return n
	}
	captures := count(func(s *Sample) bool { return s.Group >= 0 })
	for _, class := range []Class{CC, Benign} {
		if captures[class] == 0 {
			return fmt.Errorf("nothing to learn from: no %s tuple of the captures has the flows and contacts that it takes; are the flows labelled?", class)
		}
	}
	told := map[int]bool{}
	for _, s := range samples {
		if s.Group < 0 || told[s.Group] || !learns(s) {
			continue
		}
		told[s.Group] = true
		left := count(func(o *Sample) bool { return o.Group != s.Group })
		for _, class := range []Class{CC, Benign} {
			if left[class] == 0 {
				return fmt.Errorf("without the capture %s (and those that share a host with it) no %s tuple is left to learn from: captures of other hosts are needed too", s.Capture, class)
			}
		}
	}
	return nil
}

// finished gives a fitted classifier calibrated and with its threshold, which is
// in log-odds before calibration.
func finished(c models.Classifier, slope, offset, threshold float64) models.Classifier {
	c = scaled(c, slope, offset)
	c.Threshold = roundTo(1 / (1 + math.Exp(-(slope*threshold + offset))))
	c.Intercept = roundTo(c.Intercept)
	for name, w := range c.Weights {
		c.Weights[name] = roundTo(w)
	}
	return c
}

// roundTo keeps files readable: four places are more than the data know.
func roundTo(x float64) float64 {
	const whole = 1e4
	return math.Round(x*whole) / whole
}

func logit(p float64) float64 { return math.Log(p / (1 - p)) }

func outcome(s Scored, threshold, slope, offset float64) Outcome {
	o := Outcome{Sample: s.Sample}
	if len(s.LogOdds) > 0 {
		o.Probability = 1 / (1 + math.Exp(-(slope*s.Most + offset)))
	}
	var last argusfeed.Time
	for i, v := range s.LogOdds {
		if v < threshold {
			continue
		}
		shot := &s.Shots[i]
		if o.Alerts == 0 {
			o.FlowsToAlert, o.TimeToAlert = shot.Flows, shot.Time.Sub(s.First)
		}
		if o.Alerts == 0 || shot.Time != last { // two spans at one flow are one alert
			o.Alerts++
		}
		last = shot.Time
	}
	return o
}

// Describe gives the classifier with what the evaluation says about it.
func (r *Result) Describe() models.Classifier {
	c := r.Classifier
	t := r.Tables()
	c.FalseAlarms = fmt.Sprintf("alerts on %d of %d benign tuples and on %d of %d of command and control, each capture scored without it",
		t.Total.Benign.Hit, t.Total.Benign.Of, t.Total.CC.Hit, t.Total.CC.Of)
	cc, all := t.Total.CC.Of, t.Total.CC.Of+t.Total.Benign.Of
	c.Data = fmt.Sprintf("%d captures (%d C&C and %d benign tuples) and %d beacons of the lab", len(r.Captures), t.Total.CC.Of, t.Total.Benign.Of, len(r.Made))
	if t.Letters != nil {
		cc, all = cc+t.Letters.CC.Of, all+t.Letters.CC.Of+t.Letters.Benign.Of
		c.Data += fmt.Sprintf("; calibrated with %d strings of letters that nothing was fitted on", t.Letters.CC.Of+t.Letters.Benign.Of)
	}
	c.BaseRate = fmt.Sprintf("%d of %d tuples of ten flows or more are command and control, as in the data", cc, all)
	return c
}
