package lab

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

// Conn is an open connection to an echo service.
type Conn struct {
	net.Conn
	next byte
}

// Dial connects to an echo service from inside the namespace: network is tcp
// or udp.
func (n *NS) Dial(network string, to netip.AddrPort, timeout time.Duration) (*Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	conn, err := n.DialContext(ctx, network, to.String())
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: conn}, nil
}

// Echo sends a byte and waits for its echo. After an error the connection may
// be asked again.
func (c *Conn) Echo(timeout time.Duration) error {
	c.next++
	return exchange(c.Conn, c.next, timeout)
}

// Reach connects to an echo service, has one byte echoed, and closes.
func (n *NS) Reach(network string, to netip.AddrPort, timeout time.Duration) error {
	c, err := n.Dial(network, to, timeout)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return c.Echo(timeout)
}

var pings atomic.Uint32

// Ping sends one ICMP or ICMPv6 echo request and waits for the reply.
func (n *NS) Ping(to netip.Addr, timeout time.Duration) error {
	network, local, request, reply := "ip4:icmp", "0.0.0.0", byte(8), byte(0)
	if to.Is6() {
		network, local, request, reply = "ip6:ipv6-icmp", "::", 128, 129
	}
	c, err := n.ListenPacket(network, local)
	if err != nil {
		return fmt.Errorf("pinging %s from the namespace %s: %w", to, n.name, err)
	}
	defer func() { _ = c.Close() }()
	msg := make([]byte, 16) // type, code, checksum, identifier and sequence, data
	msg[0] = request
	binary.BigEndian.PutUint32(msg[4:], pings.Add(1))
	copy(msg[8:], "slipslab")
	if to.Is4() { // for ICMPv6 the kernel does it
		binary.BigEndian.PutUint16(msg[2:], checksum(msg))
	}
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if _, err := c.WriteTo(msg, &net.IPAddr{IP: to.AsSlice()}); err != nil {
		return fmt.Errorf("pinging %s from the namespace %s: %w", to, n.name, err)
	}
	buf := make([]byte, 1500)
	for {
		size, _, err := c.ReadFrom(buf)
		if err != nil {
			return fmt.Errorf("pinging %s from the namespace %s: %w", to, n.name, err)
		}
		if size >= len(msg) && buf[0] == reply && bytes.Equal(buf[4:16], msg[4:]) {
			return nil
		}
	}
}

// checksum is the Internet checksum of RFC 1071, of an even number of bytes.
func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum>>16 != 0 {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
