package enforce

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// loopbackUp brings the loopback interface of the thread's network namespace up,
// with two addresses for the self-test.
func loopbackUp() error {
	// Without a family it opens all that the library knows, and some kernels lack some.
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("opening netlink: %w", err)
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err == nil {
		err = h.LinkSetUp(lo)
	}
	for _, addr := range []string{"192.0.2.1/32", "192.0.2.2/32"} {
		if err != nil {
			break
		}
		var a *netlink.Addr
		if a, err = netlink.ParseAddr(addr); err == nil {
			err = h.AddrAdd(lo, a)
		}
	}
	if err != nil {
		return fmt.Errorf("setting up the loopback interface: %w", err)
	}
	return nil
}
