package httpserver

import (
	"net"
	"net/netip"
	"strings"
)

// OfLoopback tells whether the Host of a request, with or without a port, is localhost
// or an address of loopback. A page elsewhere that has its name lead to this host, to
// read in a visitor's browser what only this host may, still sends that name.
func OfLoopback(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	} else if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		name = host[1 : len(host)-1]
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.Unmap().IsLoopback()
}
