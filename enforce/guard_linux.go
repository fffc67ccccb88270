package enforce

import (
	"net/netip"
	"slices"

	"github.com/google/nftables"
)

// intervals gives ranges as the elements of an interval set: where each begins,
// and where the next address after it is.
func intervals(ranges []addrRange) []nftables.SetElement {
	var list []nftables.SetElement
	for _, r := range ranges {
		list = append(list, nftables.SetElement{Key: r.from.AsSlice()})
		if next := r.to.Next(); next.IsValid() {
			list = append(list, nftables.SetElement{Key: next.AsSlice(), IntervalEnd: true})
		}
	}
	return list
}

// rangesOf reads an interval set back.
func rangesOf(list []nftables.SetElement, ipv6 bool) []addrRange {
	type edge struct {
		at  netip.Addr
		end bool
	}
	var edges []edge
	for _, el := range list {
		if at, ok := netip.AddrFromSlice(el.Key); ok {
			edges = append(edges, edge{at, el.IntervalEnd})
		}
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })
	highest := last(netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	if ipv6 {
		highest = last(netip.PrefixFrom(netip.IPv6Unspecified(), 0))
	}
	var ranges []addrRange
	for i, e := range edges {
		if e.end {
			continue
		}
		r := addrRange{e.at, highest}
		if i+1 < len(edges) {
			r.to = edges[i+1].at.Prev()
		}
		ranges = append(ranges, r)
	}
	return ranges
}

// setGuards makes what the guards hold in the kernel what k.guards says.
func (k *kernel) setGuards() error {
	return k.commit("setting the protected addresses", func(c *nftables.Conn) {
		for g, s := range k.sets.guards {
			c.FlushSet(s)
			_ = c.SetAddElements(s, intervals(k.guards[g]))
		}
	})
}

// guardsDiffer tells whether the guards in the kernel are not what they should be.
func (k *kernel) guardsDiffer() (bool, error) {
	for g, s := range k.sets.guards {
		var list []nftables.SetElement
		err := k.read("listing protected addresses", func(c *nftables.Conn) (err error) {
			list, err = c.GetSetElements(s)
			return err
		})
		if err != nil {
			return false, err
		}
		if !slices.Equal(rangesOf(list, guardKind(g).ipv6()), k.guards[g]) {
			return true, nil
		}
	}
	return false, nil
}
