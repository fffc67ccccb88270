package enforce

import (
	"fmt"
	"net/netip"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// keyFor gives the element for a block. prefix6 is [enforce] ipv6_prefix.
func keyFor(b policy.Block, prefix6 int) (key, error) {
	src, okSrc := b.Tuple.Src.IP()
	dst, okDst := b.Tuple.Dst.IP()
	src, dst = src.Unmap(), dst.Unmap()
	switch b.Verdict {
	case "", policy.VerdictDrop, policy.VerdictReject:
	default:
		return key{}, fmt.Errorf("%w: the verdict %q is not supported; use drop or reject", ErrRefused, string(b.Verdict))
	}
	switch b.Scope {
	case policy.ScopeTuple:
		return keyOf(b.Tuple)
	case policy.ScopePair:
		switch {
		case !okSrc || !okDst:
			return key{}, fmt.Errorf("%w: a pair needs two IP addresses", ErrRefused)
		case src.Is4() != dst.Is4():
			return key{}, fmt.Errorf("%w: the pair mixes IPv4 and IPv6", ErrRefused)
		case src == dst:
			return key{}, fmt.Errorf("%w: source and destination are the same", ErrRefused)
		}
		k := single(hosts4, src, 128)
		copy(k.buf[k.set.addrLen():], dst.AsSlice())
		return k, nil
	case policy.ScopeDestination:
		if !okDst {
			return key{}, fmt.Errorf("%w: the destination is no IP address", ErrRefused)
		}
		return single(dest4, dst, prefix6), nil
	case policy.ScopeSource:
		if !okSrc {
			return key{}, fmt.Errorf("%w: the source is no IP address", ErrRefused)
		}
		return single(quar4, src, prefix6), nil
	}
	return key{}, fmt.Errorf("%w: the scope %q is not supported; use tuple, pair, destination or source", ErrRefused, string(b.Scope))
}

// single begins a key with one address; set4 is the set of IPv4.
func single(set4 setKind, ip netip.Addr, prefix6 int) key {
	k := key{set: set4}
	if !ip.Is4() {
		k.set++
		if p, err := ip.Prefix(prefix6); err == nil {
			ip = p.Addr()
		}
	}
	copy(k.buf[:], ip.AsSlice())
	return k
}

// scope gives the scope of an element.
func (s setKind) scope() policy.Scope {
	switch s {
	case hosts4, hosts6:
		return policy.ScopePair
	case dest4, dest6:
		return policy.ScopeDestination
	case quar4, quar6:
		return policy.ScopeSource
	}
	return policy.ScopeTuple
}

// covering gives the keys of all elements that would stop t, its own first.
func covering(t argusfeed.Tuple, prefix6 int) []key {
	return coveringAs(t, policy.ScopeTuple, prefix6)
}

// coveringAs gives the keys of all elements that would stop what a block of t with
// that scope stops, its own first.
func coveringAs(t argusfeed.Tuple, scope policy.Scope, prefix6 int) []key {
	turned := t
	turned.Src, turned.Dst = t.Dst, t.Src
	blocks := []policy.Block{{Tuple: t, Scope: scope}}
	switch scope {
	case policy.ScopeTuple:
		blocks = append(blocks, policy.Block{Tuple: t, Scope: policy.ScopePair})
		fallthrough
	case policy.ScopePair:
		blocks = append(blocks, policy.Block{Tuple: turned, Scope: policy.ScopePair})
		for _, s := range []policy.Scope{policy.ScopeDestination, policy.ScopeSource} {
			blocks = append(blocks, policy.Block{Tuple: t, Scope: s}, policy.Block{Tuple: turned, Scope: s})
		}
	}
	var keys []key
	for _, b := range blocks {
		if k, err := keyFor(b, prefix6); err == nil {
			keys = append(keys, k)
		}
	}
	return keys
}
