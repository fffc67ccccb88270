package agent

import (
	"cmp"
	"container/heap"

	"slips-ips/agent/control"
	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// ranked is what a listing sorts by.
type ranked struct {
	tuple      argusfeed.Tuple
	last       argusfeed.Time
	flows      uint64
	detections uint64
	score      float64
	detected   bool
}

// tupleOrder tells what comes first; nil: there is no such order. Nearest says
// that the smallest score is the most suspicious, as a distance is.
func tupleOrder(s control.TupleSort, nearest bool) func(a, b *ranked) int {
	var by func(a, b *ranked) int
	switch s {
	case "", control.SortLast:
		by = func(*ranked, *ranked) int { return 0 }
	case control.SortFlows:
		by = func(a, b *ranked) int { return cmp.Compare(b.flows, a.flows) }
	case control.SortDetections:
		by = func(a, b *ranked) int { return cmp.Compare(b.detections, a.detections) }
	case control.SortScore:
		by = func(a, b *ranked) int {
			if a.detected != b.detected {
				if a.detected {
					return -1
				}
				return 1
			}
			if nearest {
				return cmp.Compare(a.score, b.score)
			}
			return cmp.Compare(b.score, a.score)
		}
	default:
		return nil
	}
	return func(a, b *ranked) int { return cmp.Or(by(a, b), cmp.Compare(b.last, a.last)) }
}

// best keeps those of the tuples shown to it that come first, at most max. Once it
// is sorted it takes no more.
type best struct {
	before func(a, b *ranked) int
	max    int
	list   []ranked // the first of them are a heap whose root comes last
	heaped int      // how many; the others are in their order
}

func (h *best) Len() int           { return h.heaped }
func (h *best) Less(i, j int) bool { return h.before(&h.list[i], &h.list[j]) > 0 }
func (h *best) Swap(i, j int)      { h.list[i], h.list[j] = h.list[j], h.list[i] }
func (h *best) Push(any)           {} // heap.Fix needs neither: they would put each tuple on the heap of the program
func (h *best) Pop() any           { return nil }

func rankOf(v detection.TupleView) ranked {
	r := ranked{tuple: v.Tuple(), last: v.Last(), flows: v.Flows(), detections: v.Detections()}
	_, r.score, r.detected = v.Detected()
	return r
}

func (h *best) add(r ranked) {
	switch {
	case h.max == 0:
	case len(h.list) < h.max:
		h.list = append(h.list, r)
		h.heaped++
		heap.Fix(h, h.heaped-1)
	case h.before(&r, &h.list[0]) < 0:
		h.list[0] = r
		heap.Fix(h, 0)
	}
}

// sort puts so many more of them into their order, from the last on, and tells
// whether all are.
func (h *best) sort(n int) (all bool) {
	for ; n > 0 && h.heaped > 0; n-- {
		h.heaped--
		h.Swap(0, h.heaped)
		if h.heaped > 0 {
			heap.Fix(h, 0)
		}
	}
	return h.heaped == 0
}

// from gives the tuples that are sorted, but for the first few.
func (h *best) from(offset int) []argusfeed.Tuple {
	list := h.list[min(max(0, offset), len(h.list)):]
	tuples := make([]argusfeed.Tuple, len(list))
	for i := range list {
		tuples[i] = list[i].tuple
	}
	return tuples
}
