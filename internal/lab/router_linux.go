package lab

import (
	"fmt"
	"net/netip"
)

// Router is two clients on one LAN, a router that forwards IPv4 and IPv6, and
// a server on its other side:
//
//	client A ──┐ br0            wan ┌── router ──┐ eth0
//	client B ──┴────── router ──────┴────── server
//
// Clients and the server have one interface, eth0, and a default route through
// the router.
type Router struct {
	ClientA, ClientB, Router, Server *NS
}

// The addresses of [Router], from private and documentation ranges.
var (
	ClientA4   = netip.MustParseAddr("10.20.0.11")
	ClientA6   = netip.MustParseAddr("fd00:20::11")
	ClientB4   = netip.MustParseAddr("10.20.0.12")
	ClientB6   = netip.MustParseAddr("fd00:20::12")
	RouterLAN4 = netip.MustParseAddr("10.20.0.1")
	RouterLAN6 = netip.MustParseAddr("fd00:20::1")
	RouterWAN4 = netip.MustParseAddr("203.0.113.1")
	RouterWAN6 = netip.MustParseAddr("2001:db8:113::1")
	Server4    = netip.MustParseAddr("203.0.113.80")
	Server6    = netip.MustParseAddr("2001:db8:113::80")
)

// The interfaces of the router in [Router].
const (
	RouterLAN = "br0"
	RouterWAN = "wan0"
)

// EchoPorts are the ports on which the server of [Router] echoes TCP and UDP.
var EchoPorts = []uint16{7, 8080, 9090}

// HTTPPort is the port on which the server of [Router] serves HTTP.
const HTTPPort = 80

// NewRouter builds the topology with the services of its server. Whatever part
// of it was made is gone again after an error.
func NewRouter() (*Router, error) {
	r := &Router{}
	if err := r.build(); err != nil {
		r.Close()
		return nil, fmt.Errorf("building the lab: %w", err)
	}
	return r, nil
}

func (r *Router) build() error {
	for name, ns := range map[string]**NS{
		"clientA": &r.ClientA, "clientB": &r.ClientB, "router": &r.Router, "server": &r.Server,
	} {
		n, err := NewNS(name)
		if err != nil {
			return err
		}
		*ns = n
	}
	default4, default6 := netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")
	for _, step := range []func() error{
		func() error { return Veth(r.Router, "lan0", r.ClientA, "eth0") },
		func() error { return Veth(r.Router, "lan1", r.ClientB, "eth0") },
		func() error { return Veth(r.Router, RouterWAN, r.Server, "eth0") },
		func() error { return r.Router.Bridge(RouterLAN, "lan0", "lan1") },
		func() error { return r.Router.Addr(RouterLAN, net24(RouterLAN4), net64(RouterLAN6)) },
		func() error { return r.Router.Addr(RouterWAN, net24(RouterWAN4), net64(RouterWAN6)) },
		func() error { return r.ClientA.Addr("eth0", net24(ClientA4), net64(ClientA6)) },
		func() error { return r.ClientB.Addr("eth0", net24(ClientB4), net64(ClientB6)) },
		func() error { return r.Server.Addr("eth0", net24(Server4), net64(Server6)) },
		func() error { return r.Router.Sysctl("net.ipv4.ip_forward", "1") },
		func() error { return r.Router.Sysctl("net.ipv6.conf.all.forwarding", "1") },
		func() error { return r.ClientA.Route(default4, RouterLAN4) },
		func() error { return r.ClientA.Route(default6, RouterLAN6) },
		func() error { return r.ClientB.Route(default4, RouterLAN4) },
		func() error { return r.ClientB.Route(default6, RouterLAN6) },
		func() error { return r.Server.Route(default4, RouterWAN4) },
		func() error { return r.Server.Route(default6, RouterWAN6) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	for _, ip := range []netip.Addr{Server4, Server6} {
		for _, port := range EchoPorts {
			to := netip.AddrPortFrom(ip, port)
			if err := r.Server.EchoTCP(to); err != nil {
				return err
			}
			if err := r.Server.EchoUDP(to); err != nil {
				return err
			}
		}
		if err := r.Server.ServeHTTP(netip.AddrPortFrom(ip, HTTPPort), nil); err != nil {
			return err
		}
	}
	return nil
}

// Close ends all four namespaces.
func (r *Router) Close() {
	for _, n := range []*NS{r.ClientA, r.ClientB, r.Router, r.Server} {
		if n != nil {
			n.Close()
		}
	}
}

func net24(ip netip.Addr) netip.Prefix { return netip.PrefixFrom(ip, 24) }
func net64(ip netip.Addr) netip.Prefix { return netip.PrefixFrom(ip, 64) }
