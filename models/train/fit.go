package train

import (
	"errors"
	"math"

	"slips-ips/detection"
	"slips-ips/models"
)

// features is how many there are.
const features = len(detection.FeatureList)

// row is one example for fitting.
type row struct {
	x         detection.Features
	malicious bool
	weight    float64
}

// rows gives the examples of samples: looks at growing numbers of contacts, so
// that the beginning of a tuple counts as much as its long rest, together as
// heavy as the sample.
func rows(samples []*Sample) []row {
	var all []row
	for _, s := range samples {
		var shots []Shot
		next := map[int]float64{}
		for _, shot := range s.Shots {
			if float64(shot.Contacts) >= next[shot.Level] {
				shots = append(shots, shot)
				next[shot.Level] = 1.4 * float64(shot.Contacts)
			}
		}
		for _, shot := range shots {
			all = append(all, row{x: shot.Features, malicious: s.Class == CC, weight: s.Weight / float64(len(shots))})
		}
	}
	return all
}

// Fit learns a classifier: logistic regression by Newton's method, with a
// Gaussian prior for each weight and without those that would turn the meaning
// of a feature around. The threshold is left open.
func Fit(samples []*Sample) (models.Classifier, error) {
	all := rows(samples)
	var free []int
	for i := range features {
		free = append(free, i)
	}
	for {
		w, err := newton(all, free)
		if err != nil {
			return models.Classifier{}, err
		}
		var keep []int
		for k, i := range free {
			if f := detection.FeatureList[i]; float64(f.Sign)*w[k+1] >= 0 {
				keep = append(keep, i)
			}
		}
		if len(keep) < len(free) {
			free = keep
			continue
		}
		c := models.Classifier{Intercept: w[0], Weights: make(map[string]float64, features), MinContacts: minContacts, Threshold: 1}
		for _, f := range detection.FeatureList {
			c.Weights[f.Name] = 0
		}
		for k, i := range free {
			c.Weights[detection.FeatureList[i].Name] = w[k+1]
		}
		return c, nil
	}
}

// minContacts is how many contacts a tuple needs before it is judged: four
// gaps, the fewest whose median deviation says something.
const minContacts = 5

// newton gives the intercept and the weights of the free features.
func newton(all []row, free []int) ([]float64, error) {
	n := len(free) + 1
	w := make([]float64, n)
	for k, i := range free {
		w[k+1] = detection.FeatureList[i].Prior
	}
	x := make([]float64, n)
	for range 50 {
		gradient := make([]float64, n)
		hessian := make([][]float64, n)
		for i := range hessian {
			hessian[i] = make([]float64, n+1)
		}
		for r := range all {
			x[0] = 1
			sum := w[0]
			for k, i := range free {
				x[k+1] = all[r].x[i]
				sum += w[k+1] * x[k+1]
			}
			p := 1 / (1 + math.Exp(-sum))
			off, curve := p, all[r].weight*p*(1-p)
			if all[r].malicious {
				off--
			}
			for i := range n {
				gradient[i] += all[r].weight * off * x[i]
				for j := range i + 1 {
					hessian[i][j] += curve * x[i] * x[j]
				}
			}
		}
		for k, i := range free {
			f := detection.FeatureList[i]
			gradient[k+1] += f.Firm * (w[k+1] - f.Prior)
			hessian[k+1][k+1] += f.Firm
		}
		hessian[0][0] += 1e-9
		for i := range n {
			for j := range i {
				hessian[j][i] = hessian[i][j]
			}
			hessian[i][n] = gradient[i]
		}
		step, err := solve(hessian)
		if err != nil {
			return nil, err
		}
		most := 0.0
		for _, s := range step {
			most = max(most, math.Abs(s))
		}
		scale := 1.0
		if most > 3 {
			scale = 3 / most // far from the optimum the curvature deceives
		}
		for i := range w {
			w[i] -= scale * step[i]
		}
		if most < 1e-8 {
			return w, nil
		}
	}
	return w, nil
}

// solve solves a system of linear equations, the right side in the last
// column, by Gaussian elimination. It changes m.
func solve(m [][]float64) ([]float64, error) {
	n := len(m)
	for i := range n {
		pivot := i
		for r := i + 1; r < n; r++ {
			if math.Abs(m[r][i]) > math.Abs(m[pivot][i]) {
				pivot = r
			}
		}
		if m[pivot][i] == 0 {
			return nil, errors.New("fitting: the examples do not determine the weights")
		}
		m[i], m[pivot] = m[pivot], m[i]
		for r := range n {
			if f := m[r][i] / m[i][i]; r != i && f != 0 {
				for c := i; c <= n; c++ {
					m[r][c] -= f * m[i][c]
				}
			}
		}
	}
	x := make([]float64, n)
	for i := range n {
		x[i] = m[i][n] / m[i][i]
	}
	return x, nil
}
