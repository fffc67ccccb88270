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
	seen, held, whole, groups, err := Cross(append(slices.Clone(flows), made...), letters)
	if err != nil {
		return nil, err
	}
	flowScores := seen[:len(flows)]
	type setting struct{ threshold, slope, offset float64 }
	settings := map[int]setting{}
	settle := func(keep func(*Sample) bool) setting {
		var some []Scored
		for _, s := range flowScores {
			if keep(s.Sample) {
				some = append(some, s)
			}
		}
		slope, offset := calibrate(append(slices.Clone(some), held...))
		return setting{thresholdFor(some, opt.Share), slope, offset}
	}
	all := settle(func(*Sample) bool { return true })
	for _, s := range seen {
		at, ok := settings[s.Group]
		if !ok {
			at = all
			if s.Group >= 0 {
				at = settle(func(o *Sample) bool { return o.Group != s.Group })
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
	r.Classifier = finished(whole, all.slope, all.offset, all.threshold)
	return r, nil
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
