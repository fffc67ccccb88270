package hostnet

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// established is TCP_ESTABLISHED of the kernel.
const established = 1

// connectedTo lists the other ends of the TCP connections to ports of this host.
func connectedTo(ns int, ports map[uint16]bool) ([]peer, error) {
	var h *netlink.Handle
	var err error
	if ns > 0 {
		h, err = netlink.NewHandleAt(netns.NsHandle(ns), unix.NETLINK_INET_DIAG)
	} else {
		h, err = netlink.NewHandle(unix.NETLINK_INET_DIAG)
	}
	if err != nil {
		return nil, fmt.Errorf("asking the kernel for connections: %w", err)
	}
	defer h.Close()
	var found []peer
	var all []error
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		sockets, err := h.SocketDiagTCP(family)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
			all = append(all, fmt.Errorf("asking the kernel for connections: %w", err))
			continue
		}
		for _, s := range sockets {
			if s.State != established || !ports[s.ID.SourcePort] {
				continue
			}
			ip, ok := netip.AddrFromSlice(s.ID.Destination)
			if ip = ip.Unmap(); !ok || ip.IsLoopback() || ip.IsUnspecified() {
				continue
			}
			found = append(found, peer{netip.AddrPortFrom(ip, s.ID.DestinationPort), s.ID.SourcePort})
		}
	}
	return found, errors.Join(all...)
}
