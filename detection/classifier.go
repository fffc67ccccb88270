package detection

import (
	"fmt"
	"math"

	"slips-ips/models"
)

// classifier is models.Classifier with its weights in the order of the
// features.
type classifier struct {
	intercept, threshold float64
	minContacts          int
	weights              Features
}

func newClassifier(c models.Classifier) (*classifier, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("using the classifier: %w", err)
	}
	k := &classifier{intercept: c.Intercept, threshold: c.Threshold, minContacts: c.MinContacts}
	for i, f := range FeatureList {
		w, ok := c.Weights[f.Name]
		if !ok {
			return nil, fmt.Errorf("using the classifier: weights.%s is missing", f.Name)
		}
		k.weights[i] = w
	}
	if len(c.Weights) != len(FeatureList) {
		return nil, fmt.Errorf("using the classifier: it has %d weights, there are %d features", len(c.Weights), len(FeatureList))
	}
	return k, nil
}

// logOdds is what the features say, in log-odds.
func (k *classifier) logOdds(x *Features) float64 {
	sum := k.intercept
	for i, w := range k.weights {
		sum += float64(w * x[i]) // not fused: the same on every machine
	}
	return sum
}

func sigmoid(logOdds float64) float64 { return 1 / (1 + math.Exp(-logOdds)) }
