package detection

import "slips-ips/argusfeed"

// expected is how many flows tupleTable.expect looks at.
const expected = 32

// expect looks up the tuples of the flows that come next, at most expected of
// them, and keeps their hashes. It changes nothing: what it reads is cold memory, which
// a processor fetches for many tuples in the time that it takes for one.
func (tt *tupleTable) expect(flows []argusfeed.Flow) {
	var ids [expected]tupleID
	hashes := &tt.hashes
	flows = flows[:min(len(flows), expected)]
	for i := range flows {
		hashes[i] = flows[i].Hash(tt.seed)
	}
	fresh := 0
	for i := range flows {
		if ids[i] = tupleID(tt.index.Home(hashes[i])); ids[i] == 0 {
			fresh++
		}
	}
	// Those that will have to make room.
	if tt.n+fresh > tt.max {
		n := 0
		var leaving [expected]uint64
		from := tierOnce
		if tt.lists[tierSpared].n >= tt.max/tierShares[tierSpared] {
			from = tierSpared
		}
		for t := tt.at(tt.lists[from].tail); t != nil && n < fresh; t = tt.at(t.prev) {
			leaving[n] = t.key.Hash(tt.seed)
			n++
		}
		for _, h := range leaving[:n] {
			tt.touched += uint64(tt.index.Home(h))
		}
	}
	var near [2 * expected]tupleID
	var known [expected]*series
	for i, id := range ids {
		if t := tt.at(id); t != nil {
			near[2*i], near[2*i+1] = t.prev, t.next
			known[i] = tt.series.at(t.rest.series())
			if y := tt.youngs.at(t.rest.young()); y != nil {
				tt.touched += uint64(y.n)
			}
			tt.touched += uint64(t.first)
		}
	}
	for _, id := range near {
		if t := tt.at(id); t != nil {
			tt.touched += uint64(t.id)
		}
	}
	for _, s := range known {
		if s != nil && s.cut {
			tt.touched++
		}
	}
	for _, s := range known {
		if s == nil {
			continue
		}
		if n := len(s.letters); n > 0 {
			tt.touched += uint64(s.letters[n-1])
		}
		if len(s.pairs) > 0 {
			tt.touched += uint64(s.pairs[0].count)
		}
	}
}
