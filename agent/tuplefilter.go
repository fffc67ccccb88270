package agent

import (
	"fmt"
	"net/netip"
	"path"
	"strings"

	"slips-ips/agent/control"
	"slips-ips/argusfeed"
)

// parseNetwork reads an address or a network.
func parseNetwork(s string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		ip = ip.Unmap().WithZone("")
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%w: %q is no address and no network; use 10.0.0.5, 10.0.0.0/8 or 2001:db8::/32", control.ErrInvalid, s)
	}
	return p.Masked(), nil
}

// tupleFilter gives what a glob and a host let through; empty ones let all.
func tupleFilter(glob, host string) (func(argusfeed.Tuple) bool, error) {
	var network netip.Prefix
	if host != "" {
		var err error
		if network, err = parseNetwork(host); err != nil {
			return nil, err
		}
	}
	glob = strings.ToLower(glob)
	if _, err := path.Match(glob, ""); err != nil {
		return nil, fmt.Errorf("%w: the pattern %q: %w", control.ErrInvalid, glob, err)
	}
	return func(t argusfeed.Tuple) bool {
		if host != "" && !within(network, t.Src) && !within(network, t.Dst) {
			return false
		}
		if glob == "" {
			return true
		}
		ok, err := path.Match(glob, strings.ToLower(t.String()))
		return ok && err == nil
	}, nil
}

func within(network netip.Prefix, a argusfeed.Addr) bool {
	ip, ok := a.IP()
	return ok && network.Contains(ip.Unmap())
}
