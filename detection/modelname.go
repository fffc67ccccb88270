package detection

import (
	"strings"

	"slips-ips/models"
)

// modelName is what a verdict says of the model that won. Verdicts are kept for
// as long as their tuples: they must not keep a set of models that was replaced.
type modelName struct{ label, file string }

// nameTable holds the names of a set of models, each once.
type nameTable map[modelName]*modelName

// add gives the name of a model: that of an older table where it has it, so that
// loading the same models again and again costs no memory.
func (t nameTable) add(m *models.Model, older nameTable) *modelName {
	key := modelName{m.Label, m.File}
	if n := t[key]; n != nil {
		return n
	}
	n := older[key]
	if n == nil {
		// The texts may be parts of a large file.
		n = &modelName{strings.Clone(m.Label), strings.Clone(m.File)}
	}
	t[*n] = n
	return n
}
