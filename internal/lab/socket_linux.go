package lab

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// DialContext connects from inside the namespace, as net.Dialer does. The
// address must be a literal one: a name would be looked up outside.
func (n *NS) DialContext(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("dialling from the namespace %s: %w", n.name, err)
	}
	err = n.Do(func() error {
		var d net.Dialer
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// Listen listens inside the namespace, as net.Listen does, on a literal address.
func (n *NS) Listen(network, address string) (l net.Listener, err error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, fmt.Errorf("listening in the namespace %s: %w", n.name, err)
	}
	err = n.Do(func() error {
		l, err = net.Listen(network, address)
		return err
	})
	return l, err
}

// ListenPacket opens a packet socket inside the namespace, as net.ListenPacket
// does, on a literal address.
func (n *NS) ListenPacket(network, address string) (c net.PacketConn, err error) {
	err = n.Do(func() error {
		c, err = net.ListenPacket(network, address)
		return err
	})
	return c, err
}
