package detection

import (
	"fmt"
	"math"

	"slips-ips/models"
)

// missing is the logarithm that the original took for a transition that the
// model does not have: ln 0.01, roughly.
const missing = -4.6

// letterModel is a model of the reference scorer, prepared for being compared
// with letters of any length: the chain is that of the beginning of the
// model's letters, as long as the tuple's.
type letterModel struct {
	model  *models.Model
	name   *modelName
	index  int32
	normal bool

	// pairs lists the different transitions of the letters, kind[p] finds the
	// place of transition p in it, counted from 1; 0: the model has none.
	pairs []uint16
	kind  [pairKinds]uint16
	// seq holds, for each transition of the letters, its place in pairs.
	seq []uint16
	// marks holds the counts of pairs before every stride transitions.
	marks  []uint32
	stride int

	// chains is a cache by the number of transitions, modulo its length.
	// recent is the one that was made last.
	chains [chainSlots]*chain
	recent *chain
}

// chainSlots bounds the cache of a model: it holds the chains of all lengths
// that a tuple has before it is forgotten at 100 flows, and then some.
const chainSlots = 512

// chain is the Markov chain of the first n+1 letters of a model.
type chain struct {
	n int // transitions; -1: not made yet
	// train is the logarithm of the probability of the model's own letters,
	// from the counts. What is less likely than worst is too far away to match.
	train, worst float64
	// logs[k] is the logarithm of the probability of pairs[k-1], missing for
	// those that come later in the letters; logs[0] stands for all others.
	logs []float64
	// starts counts the transitions that start in a letter, startLogs keeps
	// what startLog worked out; 1, which is no logarithm here: nothing yet.
	starts    [letterKinds]uint32
	startLogs [letterKinds]float64
	counts    []uint32

	// exact and exactTrain are the same as the original computed them, letter
	// by letter; made when they are needed.
	exact      []float64
	exactTrain float64
	hasExact   bool
}

func newLetterModel(m *models.Model, index int) (*letterModel, error) {
	lm := &letterModel{model: m, index: int32(index)}
	for i := range len(m.Letters) {
		if letterCodes[m.Letters[i]] == 0xff {
			return nil, fmt.Errorf("letter %d is %q, which no flow makes", i+1, m.Letters[i])
		}
		if i == 0 {
			continue
		}
		p := pairOf(m.Letters[i-1], m.Letters[i])
		if lm.kind[p] == 0 {
			lm.pairs = append(lm.pairs, p)
			lm.kind[p] = uint16(len(lm.pairs))
		}
		lm.seq = append(lm.seq, lm.kind[p]-1)
	}
	// A stride that grows with the number of pairs keeps the marks smaller
	// than the letters.
	lm.stride = max(256, 8*len(lm.pairs))
	counts := make([]uint32, len(lm.pairs))
	for i, p := range lm.seq {
		if i%lm.stride == 0 {
			lm.marks = append(lm.marks, counts...)
		}
		counts[p]++
	}
	return lm, nil
}

// chain gives the chain of the first length letters; it is valid until the
// next call.
func (lm *letterModel) chain(length int) *chain {
	n := lm.transitions(length)
	slot := &lm.chains[n%chainSlots]
	if *slot == nil {
		*slot = lm.newChain()
	}
	c := *slot
	if c.n != n {
		lm.make(c, n)
	}
	lm.recent = c
	return c
}

// transitions is how many a chain for letters of that length has.
func (lm *letterModel) transitions(length int) int { return max(0, min(length-1, len(lm.seq))) }

func (lm *letterModel) newChain() *chain {
	return &chain{n: -1, counts: make([]uint32, len(lm.pairs)), logs: make([]float64, len(lm.pairs)+1)}
}

// make counts from the nearest counts that are known.
func (lm *letterModel) make(c *chain, n int) {
	at := n / lm.stride * lm.stride
	if r := lm.recent; r != nil && r.n >= at && r.n <= n {
		at = r.n
		copy(c.counts, r.counts)
	} else if at < len(lm.seq) {
		copy(c.counts, lm.marks[at/lm.stride*len(lm.pairs):])
	} else { // n is the end of the letters, and a multiple of the stride
		at = max(0, at-lm.stride)
		copy(c.counts, lm.marks[at/lm.stride*len(lm.pairs):])
	}
	for _, p := range lm.seq[at:n] {
		c.counts[p]++
	}
	c.n, c.hasExact = n, false
	clear(c.starts[:])
	for i, p := range lm.pairs {
		c.starts[p/uint16(letterKinds)] += c.counts[i]
	}
	for i := range c.startLogs {
		c.startLogs[i] = 1
	}
	c.logs[0] = missing
	c.train = lm.firstLog(c, math.Log)
	for i, p := range lm.pairs {
		c.logs[i+1] = missing
		if k := c.counts[i]; k > 0 {
			c.logs[i+1] = math.Log(float64(k) / float64(c.starts[p/uint16(letterKinds)]))
			c.train += float64(float64(k) * c.logs[i+1])
		}
	}
	// Beyond what compare counts as near, whatever is lost by rounding.
	const surely = 1 + 1000*near
	c.worst = c.train * (lm.model.Threshold * surely)
}

// startLog is the logarithm of the share of transitions that start in a
// letter; 0, as if it were certain, where none does.
func (c *chain) startLog(letter byte, log func(float64) float64) float64 {
	if k := c.starts[letterCodes[letter]]; k > 0 {
		return log(float64(k) / float64(c.n))
	}
	return 0
}

// firstLog is what the training letters begin with. A model without letters
// costs as much as a missing transition.
func (lm *letterModel) firstLog(c *chain, log func(float64) float64) float64 {
	if lm.model.Letters == "" {
		return missing
	}
	return c.startLog(lm.model.Letters[0], log)
}

// test gives the logarithm of the probability of letters, of which counts
// holds the transitions. Where it is below worst it may be anything below: no
// logarithm is above 0, so that adding the others cannot bring it back.
func (lm *letterModel) test(c *chain, first byte, counts pairCounts) float64 {
	start := &c.startLogs[letterCodes[first]]
	if *start == 1 {
		*start = c.startLog(first, math.Log)
	}
	sum := *start
	for i := range counts {
		p := &counts[i]
		sum += float64(float64(p.count) * c.logs[lm.kind[p.pair]])
		if sum < c.worst {
			break
		}
	}
	return sum
}

// whole is test without an end at worst.
func (lm *letterModel) whole(c *chain, first byte, counts pairCounts) float64 {
	sum := c.startLog(first, math.Log)
	for i := range counts {
		sum += float64(float64(counts[i].count) * c.logs[lm.kind[counts[i].pair]])
	}
	return sum
}

// exactly gives both logarithms as the original computed them: the start, then
// one transition after the other.
func (lm *letterModel) exactly(c *chain, letters []byte) (train, test float64) {
	if !c.hasExact {
		lm.makeExact(c)
	}
	test = c.startLog(letters[0], exactLog)
	for i := 1; i < len(letters); i++ {
		test += c.exact[lm.kind[pairOf(letters[i-1], letters[i])]]
	}
	return c.exactTrain, test
}

func (lm *letterModel) makeExact(c *chain) {
	if c.exact == nil {
		c.exact = make([]float64, len(c.logs))
	}
	c.exact[0] = missing
	for i, p := range lm.pairs {
		c.exact[i+1] = missing
		if k := c.counts[i]; k > 0 {
			c.exact[i+1] = exactLog(float64(k) / float64(c.starts[p/uint16(letterKinds)]))
		}
	}
	c.exactTrain = lm.firstLog(c, exactLog)
	for _, p := range lm.seq[:c.n] {
		c.exactTrain += c.exact[p+1]
	}
	c.hasExact = true
}
