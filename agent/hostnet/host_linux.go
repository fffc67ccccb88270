package hostnet

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"slips-ips/policy"
)

// dumps is how often a listing is tried that the kernel could not give in one
// piece because something changed meanwhile.
const dumps = 10

// listHost asks the kernel for addresses and routes.
func listHost(ns int) (hostAddrs, error) {
	var h *netlink.Handle
	var err error
	if ns > 0 {
		h, err = netlink.NewHandleAt(netns.NsHandle(ns), unix.NETLINK_ROUTE)
	} else {
		h, err = netlink.NewHandle(unix.NETLINK_ROUTE)
	}
	if err != nil {
		return hostAddrs{}, err
	}
	defer h.Close()
	for n := 1; ; n++ {
		found, err := listOnce(h)
		interrupted := errors.Is(err, netlink.ErrDumpInterrupted) || errors.Is(err, unix.EINTR)
		if !interrupted || n == dumps {
			return found, err
		}
	}
}

func listOnce(h *netlink.Handle) (hostAddrs, error) {
	links, err := h.LinkList()
	if err != nil {
		return hostAddrs{}, err
	}
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	addrs, err := h.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return hostAddrs{}, err
	}
	var found hostAddrs
	networks := make(map[netip.Prefix]string) // and their interfaces
	for _, a := range addrs {
		if p, ok := networkOf(a); ok {
			networks[p] = names[a.LinkIndex]
		}
		name := names[a.LinkIndex]
		if ip, ok := addrOf(a.IP); ok {
			found.entries = append(found.entries, entry(ip, policy.KindOwn, "an own address of "+name))
		}
		if ip, ok := broadcastOf(a); ok {
			found.entries = append(found.entries, entry(ip, policy.KindSpecial, "the broadcast address of "+name))
		}
		// Behind a point-to-point interface a default route needs no gateway:
		// the other end is it.
		if a.Peer == nil || a.Peer.IP.Equal(a.IP) {
			continue
		}
		if ip, ok := addrOf(a.Peer.IP); ok && isHost(a.Peer) {
			found.entries = append(found.entries, entry(ip, policy.KindGateway, "the other end of "+name))
		}
	}

	type path struct {
		name   string
		metric int
	}
	var defaults []path
	seen := make(map[policy.Entry]bool) // many routes share a gateway
	// Without a filter only the main table would be listed; with several ways
	// out, each has a table of its own.
	err = h.RouteListFilteredIter(netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE,
		func(r netlink.Route) bool {
			if r.Type != unix.RTN_UNICAST {
				return true
			}
			hops := append([]*netlink.NexthopInfo{{LinkIndex: r.LinkIndex, Gw: r.Gw, Via: r.Via}}, r.MultiPath...)
			for _, hop := range hops {
				name := names[hop.LinkIndex]
				why := "a gateway on " + name
				if isDefault(r.Dst) {
					why = "the default gateway on " + name
					if name != "" {
						defaults = append(defaults, path{name, r.Priority})
					}
				}
				if ip, ok := gatewayOf(hop); ok {
					if e := entry(ip, policy.KindGateway, why); !seen[e] {
						seen[e] = true
						found.entries = append(found.entries, e)
					}
				}
			}
			return true
		})
	slices.SortStableFunc(defaults, func(a, b path) int { return cmp.Compare(a.metric, b.metric) })
	for _, p := range defaults {
		if !slices.Contains(found.defs, p.name) {
			found.defs = append(found.defs, p.name)
		}
	}
	for p, name := range networks {
		if p.Addr().IsPrivate() || !slices.Contains(found.defs, name) {
			found.networks = append(found.networks, p)
		}
	}
	slices.SortFunc(found.networks, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	return found, err
}

// networkOf gives the network that an address is in with others.
func networkOf(a netlink.Addr) (netip.Prefix, bool) {
	if a.IPNet == nil || a.Peer != nil && !a.Peer.IP.Equal(a.IP) {
		return netip.Prefix{}, false
	}
	ip, ok := addrOf(a.IP)
	ones, bits := a.Mask.Size()
	if !ok || bits == 0 || ones == bits || ip.IsLoopback() || ip.IsLinkLocalUnicast() {
		return netip.Prefix{}, false
	}
	p, err := ip.Prefix(ones)
	return p, err == nil
}

// broadcastOf gives the address of all in an IPv4 network, also where the
// interface was set up without it: the hosts around may use it all the same.
func broadcastOf(a netlink.Addr) (netip.Addr, bool) {
	if ip, ok := addrOf(a.Broadcast); ok {
		return ip, true
	}
	p, ok := networkOf(a)
	if !ok || !p.Addr().Is4() || p.Bits() > 30 {
		return netip.Addr{}, false
	}
	all := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		all[i/8] |= 1 << (7 - i%8)
	}
	return netip.AddrFrom4(all), true
}

// isDefault knows both ways in which a default route is listed.
func isDefault(dst *net.IPNet) bool {
	if dst == nil {
		return true
	}
	ones, bits := dst.Mask.Size()
	return bits > 0 && ones == 0 && dst.IP.IsUnspecified()
}

func isHost(n *net.IPNet) bool {
	ones, bits := n.Mask.Size()
	return bits > 0 && ones == bits
}

// gatewayOf also finds the IPv6 gateway of an IPv4 route.
func gatewayOf(hop *netlink.NexthopInfo) (netip.Addr, bool) {
	if via, ok := hop.Via.(*netlink.Via); ok && via != nil {
		return addrOf(via.Addr)
	}
	return addrOf(hop.Gw)
}

func addrOf(ip net.IP) (netip.Addr, bool) {
	addr, ok := netip.AddrFromSlice(ip)
	return addr.Unmap(), ok && !addr.IsUnspecified()
}

// groups are those of changes that may concern us. Links are among them: when
// one goes down its IPv4 routes vanish without an event of their own.
var groups = []uint{
	unix.RTNLGRP_LINK, unix.RTNLGRP_IPV4_IFADDR, unix.RTNLGRP_IPV6_IFADDR,
	unix.RTNLGRP_IPV4_ROUTE, unix.RTNLGRP_IPV6_ROUTE, unix.RTNLGRP_IPV4_NETCONF,
	unix.RTNLGRP_IPV6_NETCONF,
}

// listen tells of changes until ctx ends. What changed is not looked at: asking
// again is quick, and right also after events were lost.
func listen(ctx context.Context, ns int, events chan<- error) {
	for ctx.Err() == nil {
		err := listenOnce(ctx, ns, events)
		if ctx.Err() != nil {
			return
		}
		tell(events, err)
		sleep(ctx, time.Second)
	}
}

func listenOnce(ctx context.Context, ns int, events chan<- error) error {
	var s *nl.NetlinkSocket
	var err error
	if ns > 0 {
		s, err = nl.SubscribeAt(netns.NsHandle(ns), netns.None(), unix.NETLINK_ROUTE, groups...)
	} else {
		s, err = nl.Subscribe(unix.NETLINK_ROUTE, groups...)
	}
	if err != nil {
		return err
	}
	defer s.Close()
	defer context.AfterFunc(ctx, s.Close)()
	tell(events, nil) // something may have changed before
	for {
		_, _, err := s.Receive()
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.EINTR) {
			return err
		}
		tell(events, nil)
	}
}
