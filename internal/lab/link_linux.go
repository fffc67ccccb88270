package lab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Links gives the netlink handle of the namespace, for what the methods here
// do not offer.
func (n *NS) Links() *netlink.Handle { return n.links }

// Up brings an interface up.
func (n *NS) Up(name string) error {
	link, err := n.links.LinkByName(name)
	if err == nil {
		err = n.links.LinkSetUp(link)
	}
	return n.wrap(err, "bringing %s up", name)
}

// Down takes an interface down.
func (n *NS) Down(name string) error {
	link, err := n.links.LinkByName(name)
	if err == nil {
		err = n.links.LinkSetDown(link)
	}
	return n.wrap(err, "taking %s down", name)
}

// Veth connects two namespaces with a pair of virtual interfaces, both up.
func Veth(a *NS, nameA string, b *NS, nameB string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = nameA
	err := a.links.LinkAdd(&netlink.Veth{
		LinkAttrs: attrs, PeerName: nameB, PeerNamespace: netlink.NsFd(b.FD()),
	})
	if err != nil {
		return fmt.Errorf("connecting %s of %s with %s of %s: %w", nameA, a.name, nameB, b.name, err)
	}
	return errors.Join(a.Up(nameA), b.Up(nameB))
}

// Bridge makes a bridge of interfaces and brings it up.
func (n *NS) Bridge(name string, ports ...string) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	bridge := &netlink.Bridge{LinkAttrs: attrs}
	if err := n.links.LinkAdd(bridge); err != nil {
		return n.wrap(err, "making the bridge %s", name)
	}
	for _, port := range ports {
		link, err := n.links.LinkByName(port)
		if err == nil {
			err = n.links.LinkSetMaster(link, bridge)
		}
		if err != nil {
			return n.wrap(err, "adding %s to the bridge %s", port, name)
		}
	}
	return n.Up(name)
}

// Addr gives an interface addresses, each with the length of its network.
func (n *NS) Addr(name string, addrs ...netip.Prefix) error {
	return n.addrs(name, addrs, n.links.AddrAdd, "adding")
}

// DelAddr takes addresses from an interface.
func (n *NS) DelAddr(name string, addrs ...netip.Prefix) error {
	return n.addrs(name, addrs, n.links.AddrDel, "removing")
}

func (n *NS) addrs(name string, addrs []netip.Prefix, do func(netlink.Link, *netlink.Addr) error, verb string) error {
	link, err := n.links.LinkByName(name)
	if err != nil {
		return n.wrap(err, "%s addresses of %s", verb, name)
	}
	for _, a := range addrs {
		addr := &netlink.Addr{IPNet: ipNet(a)}
		if a.Addr().Is6() {
			addr.Flags = unix.IFA_F_NODAD // usable at once
		}
		if err := do(link, addr); err != nil {
			return n.wrap(err, "%s %s of %s", verb, a, name)
		}
	}
	return nil
}

// Route adds a route through a gateway; the default route is 0.0.0.0/0 or ::/0.
func (n *NS) Route(to netip.Prefix, gateway netip.Addr) error {
	err := n.links.RouteAdd(&netlink.Route{Dst: ipNet(to), Gw: gateway.AsSlice()})
	return n.wrap(err, "adding the route to %s through %s", to, gateway)
}

// DelRoute removes what Route added.
func (n *NS) DelRoute(to netip.Prefix, gateway netip.Addr) error {
	err := n.links.RouteDel(&netlink.Route{Dst: ipNet(to), Gw: gateway.AsSlice()})
	return n.wrap(err, "removing the route to %s through %s", to, gateway)
}

func (n *NS) wrap(err error, what string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s in the namespace %s: %w", fmt.Sprintf(what, args...), n.name, err)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// VLAN makes the interface of a VLAN (802.1Q) on another one and brings it up. The
// error is ErrUnavailable where the kernel has no VLANs.
func (n *NS) VLAN(parent, name string, id int) error {
	on, err := n.links.LinkByName(parent)
	if err != nil {
		return n.wrap(err, "making the VLAN %d on %s", id, parent)
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.ParentIndex = name, on.Attrs().Index
	err = n.links.LinkAdd(&netlink.Vlan{LinkAttrs: attrs, VlanId: id, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q})
	if errors.Is(err, unix.EOPNOTSUPP) {
		err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err != nil {
		return n.wrap(err, "making the VLAN %d on %s", id, parent)
	}
	return n.Up(name)
}
