package detection

import (
	"strings"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// verdict is what comparing a tuple with the models gave.
type verdict struct {
	// name is that of the model that won; nil: none matched.
	name             *modelName
	score, threshold float64
	// index is the number of the model in the order of comparison.
	index int32
	// ties counts the other models with the same score.
	ties int32
	// judged says that there was something new to compare; without it the
	// verdict before stands.
	judged    bool
	malicious bool
	// near says that it was not far from being malicious: worth a closer look.
	near bool
	// class is that of what was seen, generic says that no model with evidence
	// spoke for it, normal is the model that spoke against it and was outweighed,
	// gap is the median gap in seconds (default scorer).
	class   class
	generic bool
	normal  *modelName
	gap     float32
}

// bad tells whether a malicious model won.
func (v *verdict) bad() bool { return v.name != nil && v.malicious }

// outweighed gives the label of the normal model that spoke against it; empty: none.
func (v *verdict) outweighed() string {
	if v.normal == nil {
		return ""
	}
	return v.normal.label
}

// isNormal tells whether a model that wins does so silently. The original, and
// with it the reference scorer, looked for the word anywhere in the label.
func isNormal(m *models.Model, reference bool) bool {
	return m.Class == models.ClassNormal ||
		reference && strings.Contains(strings.ToLower(m.Label), "normal")
}

// scorer compares tuples with models. It is owned by one detector.
type scorer interface {
	// meet learns that a flow of t was told of.
	meet(t *tuple, f *argusfeed.Flow)
	// patience is how many flows, and pieces of flows, may come after the first
	// one of a tuple before the scorer can say anything of it; 0 to maxYoung.
	patience() int
	// begin prepares the series of t, which has had one flow so far.
	begin(t *entry)
	// take learns what f, the newest flow of t, adds.
	take(t *entry, f *argusfeed.Flow)
	// judge compares t. Where compared is not nil, it collects the numbers of
	// every comparison.
	judge(t *entry, compared *[]Comparison) verdict
	// why says in words what made v match.
	why(t *entry, v *verdict) string
	// look compares t as judge would if its newest flow said something new. It
	// changes nothing that a later verdict depends on.
	look(t *entry) verdict
	// explain fills in e what look sees, in words and numbers.
	explain(t *entry, e *Explanation)
	// inherit takes over what the scorer before knew that is not about models.
	inherit(before scorer)
}

// Comparison holds the numbers of the reference scorer for one model: the
// logarithms of the probabilities of the model's letters and of the tuple's,
// and their ratio; a distance of -1 means that there is none.
type Comparison struct {
	Model                 int
	Train, Test, Distance float64
}

// meet does nothing: the reference knows a tuple only by itself.
func (*reference) meet(*tuple, *argusfeed.Flow) {}

// noScorer is for detecting nothing.
type noScorer struct{}

func (noScorer) patience() int                       { return 0 }
func (noScorer) meet(*tuple, *argusfeed.Flow)        {}
func (noScorer) begin(*entry)                        {}
func (noScorer) take(*entry, *argusfeed.Flow)        {}
func (noScorer) judge(*entry, *[]Comparison) verdict { return verdict{} }
func (noScorer) why(*entry, *verdict) string         { return "" }
func (noScorer) look(*entry) verdict                 { return verdict{} }
func (noScorer) inherit(scorer)                      {}
func (noScorer) explain(_ *entry, e *Explanation)    { e.Missing = noModelsLoaded }

// noModelsLoaded is what an explanation says where there is nothing to compare with.
const noModelsLoaded = "no models are loaded, so nothing is detected"
