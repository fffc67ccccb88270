package argusfeed

// numbered holds values by number, from 1 on. They are allocated in chunks and
// stay where they are; what is freed is used again.
type numbered[T any] struct {
	chunks []*[numberedChunk]T
	used   uint32   // numbers given out
	free   []uint32 // the newest last: that is what a processor still has
}

// numberedChunk is how many values are allocated at a time.
const numberedChunk = 256

// at gives the value with that number; nil for 0.
func (n *numbered[T]) at(number uint32) *T {
	if number == 0 {
		return nil
	}
	number--
	return &n.chunks[number/numberedChunk][number%numberedChunk]
}

// take gives a number that is free. Its value is what was left in it.
func (n *numbered[T]) take() uint32 {
	if last := len(n.free) - 1; last >= 0 {
		number := n.free[last]
		n.free = n.free[:last]
		return number
	}
	if int(n.used) == len(n.chunks)*numberedChunk {
		n.chunks = append(n.chunks, new([numberedChunk]T))
	}
	n.used++
	return n.used
}

// put frees a number.
func (n *numbered[T]) put(number uint32) { n.free = append(n.free, number) }
