package enforce

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"slips-ips/argusfeed"
)

// forgetConnections removes the tracked connections that the elements cover, in
// one walk for each IP version. That there is none, or no connection tracking,
// is no error.
func forgetConnections(ns int, keys map[key]bool) (uint64, error) {
	at := netns.None()
	if ns > 0 {
		at = netns.NsHandle(ns)
	}
	h, err := netlink.NewHandleAt(at, unix.NETLINK_NETFILTER)
	if err != nil {
		return 0, fmt.Errorf("opening connection tracking: %w", err)
	}
	defer h.Close()
	var (
		total uint64
		all   []error
	)
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		filter := connections{keys: keys}
		for k := range keys {
			filter.any = filter.any || k.set.ipv6() == (family == unix.AF_INET6)
		}
		if !filter.any {
			continue
		}
		n, err := h.ConntrackDeleteFilters(netlink.ConntrackTable, family, filter)
		total += uint64(n)
		if err != nil && !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EINVAL) {
			all = append(all, fmt.Errorf("removing connections: %w", explain(err)))
		}
	}
	return total, errors.Join(all...)
}

// connections matches those that elements cover.
type connections struct {
	keys map[key]bool
	any  bool
}

// MatchConntrackFlow looks at a connection as the sender of its first packet sees
// it, and as it is behind a destination NAT.
func (c connections) MatchConntrackFlow(f *netlink.ConntrackFlow) bool {
	return c.covers(f.Forward.SrcIP, f.Forward.DstIP, f.Forward.Protocol, f.Forward.DstPort) ||
		c.covers(f.Forward.SrcIP, f.Reverse.SrcIP, f.Forward.Protocol, f.Reverse.SrcPort)
}

func (c connections) covers(from, to net.IP, proto uint8, port uint16) bool {
	src, okSrc := netip.AddrFromSlice(from)
	dst, okDst := netip.AddrFromSlice(to)
	if !okSrc || !okDst {
		return false
	}
	t := argusfeed.Tuple{
		Src: argusfeed.AddrFrom(src.Unmap()), Dst: argusfeed.AddrFrom(dst.Unmap()),
		Proto: argusfeed.Proto(proto), Port: argusfeed.PortNumber(port),
	}
	for _, prefix6 := range []int{128, 64} {
		for _, k := range covering(t, prefix6) {
			if c.keys[k] {
				return true
			}
		}
	}
	return false
}
