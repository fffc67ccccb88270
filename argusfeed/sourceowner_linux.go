package argusfeed

import (
	"net"

	"github.com/vishvananda/netlink"
)

// owner gives the user of the other end of a connection within this machine; 0
// also before it has been accepted.
func owner(conn net.Conn) (uint32, error) {
	s, err := netlink.SocketGet(conn.RemoteAddr(), conn.LocalAddr())
	if err != nil {
		return 0, err
	}
	return s.UID, nil
}
