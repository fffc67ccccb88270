package detection

import (
	"math"
	"strings"

	"slips-ips/argusfeed"
	"slips-ips/models"
)

// groupLengths bounds the lengths of letters for which a group keeps its
// tables: a tuple has fewer before it is forgotten at 100 flows.
const groupLengths = 256

// modelGroup is the models for one protocol. A tuple is compared with all of
// them at once: what the models know of a transition stands side by side, so
// that a comparison reads few lines of memory, where with one model after the
// other it would read several of each.
type modelGroup struct {
	models []*letterModel
	// kind numbers the transitions of all of them, from 1; 0: none has it.
	kind  [pairKinds]uint16
	kinds int
	// byLength is made when it is needed.
	byLength [groupLengths]*groupTable
	sums     []float64 // scratch
}

// groupTable holds the chains of a group for letters of one length. A row has a
// number for each model.
type groupTable struct {
	train, worst []float64
	// starts holds rows of startLog, logs rows of the logarithms of transitions.
	// The first row is what most have: 0, and missing.
	starts  []float64
	startAt [letterKinds]int32
	logs    []float64
	logAt   []int32 // by kind
}

// newModelGroup takes those of the models that are for a protocol.
func newModelGroup(all []*letterModel, p argusfeed.Proto) *modelGroup {
	g := new(modelGroup)
	for _, lm := range all {
		if !strings.EqualFold(lm.model.Proto, p.String()) {
			continue
		}
		g.models = append(g.models, lm)
		for _, pair := range lm.pairs {
			if g.kind[pair] == 0 {
				g.kinds++
				g.kind[pair] = uint16(g.kinds)
			}
		}
	}
	g.sums = make([]float64, len(g.models))
	return g
}

// tests gives what letterModel.test would give of each model, below worst or
// not; valid until the next call. There must be fewer than groupLengths letters.
func (g *modelGroup) tests(letters []byte, counts pairCounts) (*groupTable, []float64) {
	t := g.byLength[len(letters)]
	if t == nil {
		t = g.table(len(letters))
		g.byLength[len(letters)] = t
	}
	sums := g.sums
	copy(sums, t.starts[t.startAt[letterCodes[letters[0]]]:])
	for i := range counts {
		p := &counts[i]
		n := float64(p.count)
		row := t.logs[t.logAt[g.kind[p.pair]]:]
		row = row[:len(sums)]
		for m := range sums {
			sums[m] += float64(n * row[m])
		}
		if i%4 == 3 && !anyAbove(sums, t.worst) {
			break // what is added only makes them less
		}
	}
	return t, sums
}

// anyAbove tells whether a sum is not below its limit.
func anyAbove(sums, limits []float64) bool {
	limits = limits[:len(sums)]
	for m := range sums {
		if !(sums[m] < limits[m]) {
			return true
		}
	}
	return false
}

// table makes the table for letters of a length.
func (g *modelGroup) table(length int) *groupTable {
	width := len(g.models)
	t := &groupTable{
		train: make([]float64, width), worst: make([]float64, width),
		starts: make([]float64, width), logs: make([]float64, width), logAt: make([]int32, g.kinds+1),
	}
	for m := range t.logs {
		t.logs[m] = missing
	}
	for m, lm := range g.models {
		c := lm.newChain()
		lm.make(c, lm.transitions(length))
		t.train[m], t.worst[m] = c.train, c.worst
		for code, n := range c.starts {
			if n > 0 {
				row(&t.starts, &t.startAt[code], width)[m] = c.startLog(models.Alphabet[code], math.Log)
			}
		}
		for i, pair := range lm.pairs {
			if c.counts[i] > 0 {
				row(&t.logs, &t.logAt[g.kind[pair]], width)[m] = c.logs[i+1]
			}
		}
	}
	return t
}

// row gives the row at a place, a new one like the first where it has none yet.
func row(rows *[]float64, at *int32, width int) []float64 {
	if *at == 0 {
		*at = int32(len(*rows))
		*rows = append(*rows, (*rows)[:width]...)
	}
	return (*rows)[*at:]
}
