package detection

import "slips-ips/models"

// letterCodes numbers the letters; letters that models cannot have are 0xff.
var letterCodes = func() (codes [256]uint8) {
	for i := range codes {
		codes[i] = 0xff
	}
	for i := range len(models.Alphabet) {
		codes[models.Alphabet[i]] = uint8(i)
	}
	return codes
}()

const (
	letterKinds = len(models.Alphabet)
	pairKinds   = letterKinds * letterKinds
)

// pairOf numbers a transition from one letter to the next, both of the
// alphabet.
func pairOf(from, to byte) uint16 {
	return uint16(int(letterCodes[from])*letterKinds + int(letterCodes[to]))
}

// pairCounts counts the transitions of a tuple's letters, so that comparing
// long letters costs no more than comparing short ones. The transitions are
// searched one by one: real tuples have some ten different ones, and the
// alphabet allows a few thousand at most.
type pairCounts []pairCount

type pairCount struct {
	pair  uint16
	count uint32
}

// extend counts the transitions into letters[from:].
func (c *pairCounts) extend(letters []byte, from int) {
	for i := max(from, 1); i < len(letters); i++ {
		c.add(pairOf(letters[i-1], letters[i]))
	}
}

func (c *pairCounts) add(pair uint16) {
	for i := range *c {
		if p := &(*c)[i]; p.pair == pair {
			p.count++
			return
		}
	}
	*c = append(*c, pairCount{pair, 1})
}
