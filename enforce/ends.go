package enforce

// ends is a heap of places, by the end of their blocks: the first runs out first.
type ends []place

func (h ends) less(all []wanted, i, j int32) bool {
	return all[h[i]].active.Until.Before(all[h[j]].active.Until)
}

func (h ends) swap(all []wanted, i, j int32) {
	h[i], h[j] = h[j], h[i]
	all[h[i]].end, all[h[j]].end = i, j
}

func (h *ends) add(all []wanted, p place) {
	all[p].end = int32(len(*h))
	*h = append(*h, p)
	h.fix(all, all[p].end)
}

// remove takes away what is at i.
func (h *ends) remove(all []wanted, i int32) {
	last := int32(len(*h) - 1)
	h.swap(all, i, last)
	*h = (*h)[:last]
	if i < last {
		h.fix(all, i)
	}
}

// fix brings what is at i to where it belongs.
func (h ends) fix(all []wanted, i int32) {
	for i > 0 && h.less(all, i, (i-1)/2) {
		h.swap(all, i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && int(child) < len(h); child++ {
			if h.less(all, child, first) {
				first = child
			}
		}
		if first == i {
			return
		}
		h.swap(all, i, first)
		i = first
	}
}
