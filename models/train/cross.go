package train

import (
	"math"
	"slices"

	"slips-ips/detection"
	"slips-ips/models"
)

// Scored is a sample with what a classifier that did not see it made of it.
type Scored struct {
	*Sample
	// LogOdds are those of each shot, Most the largest.
	LogOdds []float64
	Most    float64
}

// score has a classifier look at a sample.
func score(c models.Classifier, s *Sample) Scored {
	out := Scored{Sample: s, Most: math.Inf(-1)}
	for i := range s.Shots {
		v := LogOdds(c, &s.Shots[i].Features)
		out.LogOdds = append(out.LogOdds, v)
		out.Most = max(out.Most, v)
	}
	return out
}

// LogOdds is what a classifier makes of features.
func LogOdds(c models.Classifier, x *detection.Features) float64 {
	sum := c.Intercept
	for i, f := range detection.FeatureList {
		sum += c.Weights[f.Name] * x[i]
	}
	return sum
}

// learns tells whether a sample is learned from.
func learns(s *Sample) bool { return (s.Class == CC || s.Class == Benign) && len(s.Shots) > 0 }

// fitOn fits on the samples that keep says, with their weights.
func fitOn(samples []*Sample, keep func(*Sample) bool) (models.Classifier, error) {
	var some []*Sample
	for _, s := range samples {
		if learns(s) && keep(s) {
			some = append(some, s)
		}
	}
	weigh(some)
	return Fit(some)
}

// Cross scores each sample by a classifier that was fitted without its group.
// Unseen samples, which no classifier learns from, are scored by the one that
// learned from all.
func Cross(samples, unseen []*Sample) (seen, held []Scored, whole models.Classifier, groups map[int]models.Classifier, err error) {
	groups = map[int]models.Classifier{}
	for _, s := range samples {
		if _, ok := groups[s.Group]; ok {
			continue
		}
		c, err := fitOn(samples, func(o *Sample) bool { return o.Group != s.Group })
		if err != nil {
			return nil, nil, whole, nil, err
		}
		groups[s.Group] = c
	}
	if whole, err = fitOn(samples, func(*Sample) bool { return true }); err != nil {
		return nil, nil, whole, nil, err
	}
	for _, s := range samples {
		seen = append(seen, score(groups[s.Group], s))
	}
	for _, s := range unseen {
		held = append(held, score(whole, s))
	}
	return seen, held, whole, groups, nil
}

// calibrate gives slope and offset of the log-odds with which they are those
// of the samples: Platt's scaling, on scores of samples that were not seen. It
// judges the worst moment of each tuple, for that is what alerts.
func calibrate(scored []Scored) (slope, offset float64) {
	slope = 1
	for range 50 {
		var g0, g1, h00, h01, h11 float64
		for _, s := range scored {
			if !learns(s.Sample) {
				continue
			}
			p := 1 / (1 + math.Exp(-(slope*s.Most + offset)))
			off, curve := p, p*(1-p)
			if s.Class == CC {
				off--
			}
			g0, g1 = g0+off, g1+off*s.Most
			h00, h01, h11 = h00+curve, h01+curve*s.Most, h11+curve*s.Most*s.Most
		}
		// The slope stays near 1 and the offset near 0 unless the data say otherwise.
		const firm, offsetFirm = 1, 0.01
		g1, h11 = g1+firm*(slope-1), h11+firm
		g0, h00 = g0+offsetFirm*offset, h00+offsetFirm
		det := h00*h11 - h01*h01
		d0, d1 := (h11*g0-h01*g1)/det, (h00*g1-h01*g0)/det
		scale := 1.0
		if most := max(math.Abs(d0), math.Abs(d1)); most > 2 {
			scale = 2 / most // far from the optimum the curvature deceives
		}
		offset, slope = offset-scale*d0, max(slope-scale*d1, 0.1)
		if math.Abs(d0)+math.Abs(d1) < 1e-9 {
			break
		}
	}
	return slope, offset
}

// scaled is a classifier whose log-odds are slope and offset of c's.
func scaled(c models.Classifier, slope, offset float64) models.Classifier {
	c.Intercept = slope*c.Intercept + offset
	weights := make(map[string]float64, len(c.Weights))
	for name, w := range c.Weights {
		weights[name] = slope * w
	}
	c.Weights = weights
	return c
}

// thresholdFor gives the smallest log-odds that at most a share of the benign
// samples reach.
func thresholdFor(scored []Scored, share float64) float64 {
	var most []float64
	n := 0
	for _, s := range scored {
		if s.Class != Benign {
			continue
		}
		n++
		most = append(most, s.Most)
	}
	slices.SortFunc(most, func(a, b float64) int {
		switch {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	allowed := int(share * float64(n))
	if allowed >= len(most) {
		return math.Inf(-1)
	}
	if allowed == 0 {
		return most[0] + 1e-9
	}
	return (most[allowed-1] + most[allowed]) / 2
}
