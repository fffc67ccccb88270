package control

import (
	"errors"
	"net"
	"sync"
	"syscall"
)

// clientConn is a connection on which the server may answer before it was asked:
// one client too many is told so at once. net/http takes such an answer for an
// error, so it is not read before something was written; and that the server
// closed the connection meanwhile is no reason not to read why.
type clientConn struct {
	net.Conn
	asked chan struct{} // closed when something was written, or the connection closed
	once  sync.Once
}

func newClientConn(c net.Conn) *clientConn {
	return &clientConn{Conn: c, asked: make(chan struct{})}
}

func (c *clientConn) Read(b []byte) (int, error) {
	<-c.asked
	return c.Conn.Read(b)
}

func (c *clientConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.once.Do(func() { close(c.asked) })
	if errors.Is(err, syscall.EPIPE) {
		return len(b), nil // what comes to be read says more
	}
	return n, err
}

func (c *clientConn) Close() error {
	c.once.Do(func() { close(c.asked) })
	return c.Conn.Close()
}
