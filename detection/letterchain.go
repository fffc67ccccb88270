package detection

import (
	"math"
	"strings"
	"time"

	"slips-ips/models"
)

// letterChain is a Markov chain over letters and symbols, as the original
// used: how likely each is after the one before, smoothed so that what the
// model never had is unlikely and not impossible.
type letterChain struct {
	// cost is the negative logarithm of the probability of each letter after
	// each other.
	cost [chainSize][chainSize]float32
	// own is what a letter of the model itself costs on average.
	own float64
}

const chainSize = len(models.Alphabet)

// chainSmooth is the weight of the letters that a model never had, all
// together, in letters seen.
const chainSmooth = 0.5

// chainAt gives the place of each letter in the alphabet, -1 for others.
var chainAt = func() (at [256]int8) {
	for i := range at {
		at[i] = int8(strings.IndexByte(models.Alphabet, byte(i)))
	}
	return at
}()

func newLetterChain(letters string) *letterChain {
	c := new(letterChain)
	var counts [chainSize][chainSize]float64
	var sums [chainSize]float64
	for i := 1; i < len(letters); i++ {
		from, to := chainAt[letters[i-1]], chainAt[letters[i]]
		if from < 0 || to < 0 {
			continue
		}
		counts[from][to]++
		sums[from]++
	}
	for from := range counts {
		for to := range counts[from] {
			c.cost[from][to] = float32(-math.Log((counts[from][to] + chainSmooth/float64(chainSize)) / (sums[from] + chainSmooth)))
		}
	}
	c.own = mean(c, letters)
	return c
}

// distance is how much more a letter costs on average than one of the model's
// own; never below 0.
func (c *letterChain) distance(letters []byte) float64 { return max(0, mean(c, letters)-c.own) }

func mean[S ~string | ~[]byte](c *letterChain, letters S) float64 {
	sum, n := 0.0, 0
	for i := 1; i < len(letters); i++ {
		from, to := chainAt[letters[i-1]], chainAt[letters[i]]
		if from >= 0 && to >= 0 {
			sum += float64(c.cost[from][to])
			n++
		}
	}
	if n == 0 {
		return math.Inf(1)
	}
	return sum / float64(n)
}

// LetterDistance is how much less likely letters are, after a model's own, than
// those of the model, for each letter on average: what Threshold of a behaviour
// model is about.
func LetterDistance(model, letters string) float64 {
	return newLetterChain(model).distance([]byte(letters))
}

// Spans are the pauses up to which flows are one contact, by level.
func Spans() []time.Duration {
	all := make([]time.Duration, 0, len(spans))
	for _, s := range spans {
		all = append(all, time.Duration(s)*time.Microsecond)
	}
	return all
}
