package detection

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"slips-ips/argusfeed"
)

// What is noted later and elsewhere is what is noted at once.
func TestMeetingsInTheirOrder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 3)) //nolint:gosec // a test
	var all []argusfeed.Tuple
	for range 3 * maxContext { // the oldest are forgotten meanwhile
		n := rnd.Uint32()
		src, dst := fmt.Sprintf("10.%d.%d.7", n>>30, n&15), fmt.Sprintf("%d.%d.%d.9", 190+n>>24&7, n>>16&255, n>>8&255)
		all = append(all, tupleFrom(t, src, dst, fmt.Sprint(8000+n&63), "tcp"))
	}
	atOnce, later := newCrowds(), newCrowds()
	for i := range all {
		answered := i%3 > 0
		atOnce.later.add(&all[i], answered)
		atOnce.later.settle()
		later.later.add(&all[i], answered)
		if a := &all[max(0, i-i%7)]; i%5000 == 0 { // asking keeps what is asked for
			if one, other := atOnce.company(a.Src, a.Dst, true), later.company(a.Src, a.Dst, true); one != other {
				t.Fatalf("%d: company of %v at once, %v later", i, one, other)
			}
		}
	}
	later.later.settle()
	for name, tables := range map[string][2]contextTable[netKey, visitors]{
		"young": {atOnce.networks.young, later.networks.young}, "old": {atOnce.networks.old, later.networks.old},
	} {
		one, other := held(&tables[0]), held(&tables[1])
		if len(one) < maxContext/10 || !maps.Equal(one, other) {
			t.Errorf("%s networks: %d at once, %d later, or not the same", name, len(one), len(other))
		}
	}
	if one, other := held(&atOnce.hosts.young), held(&later.hosts.young); len(one) < 40 || !maps.Equal(one, other) {
		t.Errorf("hosts: %d at once, %d later, or not the same", len(one), len(other))
	}
}

// held gives what a table holds.
func held[K contextKey, V any](t *contextTable[K, V]) map[K]V {
	all := map[K]V{}
	for i := range t.slots {
		if s := &t.slots[i]; s.used != 0 {
			all[s.key] = s.value
		}
	}
	return all
}
