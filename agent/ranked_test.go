package agent

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"slips-ips/argusfeed"
)

// What is kept and sorted in steps is what sorting all of it gives.
func TestBestOfMany(t *testing.T) {
	order := func(a, b *ranked) int { return cmp.Compare(b.flows, a.flows) }
	all := make([]ranked, 1000)
	for i := range all {
		all[i].flows = rand.Uint64N(500) // some are alike
		all[i].tuple.Src = argusfeed.AddrFrom4([4]byte{10, 0, byte(all[i].flows >> 8), byte(all[i].flows)})
	}
	want := slices.Clone(all)
	slices.SortFunc(want, func(a, b ranked) int { return order(&a, &b) })
	for _, most := range []int{0, 1, 7, len(all) - 1, len(all), 2 * len(all)} {
		found := &best{before: order, max: most}
		for i := range all {
			found.add(all[i])
		}
		steps := 1
		for ; !found.sort(100); steps++ {
		}
		kept := min(most, len(all))
		if steps != max(1, (kept+99)/100) {
			t.Errorf("%d of %d were sorted in %d steps", kept, len(all), steps)
		}
		for _, offset := range []int{-1, 0, 3, kept, kept + 1} {
			from := min(max(0, offset), kept)
			if got := found.from(offset); !slices.EqualFunc(got, want[from:kept], func(a argusfeed.Tuple, b ranked) bool { return a == b.tuple }) {
				t.Errorf("of %d, from %d on: %d others than the %d wanted", most, offset, len(got), kept-from)
			}
		}
	}
}
