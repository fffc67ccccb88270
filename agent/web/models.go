package web

import (
	"cmp"
	"slices"
	"strings"
)

type modelsBody struct {
	Models  []Model
	Scoring string
	// Others are labels that were detected and that no model has: what the scorer
	// calls behaviour that no model names, or models of before a reload.
	Others []labelCount
}

func (r *request) models() (answer, error) {
	all, err := r.p.agent.Models(r.Context())
	if err != nil {
		return answer{}, err
	}
	st := r.p.agent.Status()
	b := modelsBody{Models: slices.Clone(all), Scoring: st.Detection.Scoring}
	named := map[string]bool{}
	for _, m := range all {
		named[m.Label] = true
	}
	for label, n := range st.Detection.Labels {
		if !named[label] {
			b.Others = append(b.Others, labelCount{label, n})
		}
	}
	slices.SortFunc(b.Others, func(x, y labelCount) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), strings.Compare(x.Label, y.Label))
	})
	slices.SortStableFunc(b.Models, func(x, y Model) int {
		return cmp.Or(cmp.Compare(y.Detections, x.Detections), strings.Compare(x.Label, y.Label))
	})
	return answer{name: "models", title: "Models", section: "models", refresh: true, body: b}, nil
}
