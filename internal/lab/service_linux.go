package lab

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// EchoTCP answers every byte on a TCP port with the same byte, until the
// namespace is closed.
func (n *NS) EchoTCP(addr netip.AddrPort) error {
	l, err := n.Listen("tcp", addr.String())
	if err != nil {
		return err
	}
	n.closeWith(l)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			n.closeWith(conn)
			go func() {
				defer n.closeNow(conn)
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return nil
}

// EchoUDP answers every datagram on a UDP port with the same, until the
// namespace is closed.
func (n *NS) EchoUDP(addr netip.AddrPort) error {
	c, err := n.ListenPacket("udp", addr.String())
	if err != nil {
		return err
	}
	n.closeWith(c)
	go func() {
		buf := make([]byte, 64<<10)
		for {
			size, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = c.WriteTo(buf[:size], from)
		}
	}()
	return nil
}

// ServeHTTP serves HTTP on a TCP port until the namespace is closed. A nil
// handler answers every request with its path.
func (n *NS) ServeHTTP(addr netip.AddrPort, handler http.Handler) error {
	l, err := n.Listen("tcp", addr.String())
	if err != nil {
		return err
	}
	if handler == nil {
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.URL.Path+"\n")
		})
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	n.closeWith(server)
	go func() { _ = server.Serve(l) }() // ends with Close
	return nil
}

// HTTPClient gives a client whose connections begin inside the namespace. Each
// request has a connection of its own, and so a flow of its own.
func (n *NS) HTTPClient(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{DialContext: n.DialContext, DisableKeepAlives: true},
	}
}

// exchange sends one byte and waits for it to come back.
func exchange(conn net.Conn, b byte, timeout time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	if _, err := conn.Write([]byte{b}); err != nil {
		return err
	}
	for buf := []byte{^b}; buf[0] != b; { // late echoes of a probe before are not ours
		if _, err := conn.Read(buf); err != nil {
			return err
		}
	}
	return nil
}
