//go:build !linux

package hostnet

import (
	"context"
	"net"
	"net/netip"

	"slips-ips/policy"
)

// listHost asks for the addresses of the interfaces. Gateways are not found.
func listHost(int) (hostAddrs, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return hostAddrs{}, err
	}
	var found hostAddrs
	for _, i := range interfaces {
		addrs, err := i.Addrs()
		if err != nil {
			return hostAddrs{}, err
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				found.entries = append(found.entries, entry(p.Addr(), policy.KindOwn, "an own address of "+i.Name))
			}
		}
	}
	return found, nil
}

// listen hears nothing.
func listen(ctx context.Context, _ int, _ chan<- error) { <-ctx.Done() }

// connectedTo knows of none.
func connectedTo(int, map[uint16]bool) ([]peer, error) { return nil, nil }
