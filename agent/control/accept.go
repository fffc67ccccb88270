package control

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// conn is a client that is known and counted.
type conn struct {
	net.Conn
	peer  peer
	leave func()
}

// Close gives the client's place back.
func (c *conn) Close() error {
	c.leave()
	return c.Conn.Close()
}

// door accepts clients that there is room for, and knows who they are.
type door struct {
	*Listener
	server *Server
}

// Accept waits for the next client. One too many is told so and is gone.
func (d *door) Accept() (net.Conn, error) {
	for {
		c, err := d.AcceptUnix()
		if err != nil {
			return nil, err
		}
		p, err := peerOf(c)
		if err != nil {
			d.server.opt.Log.Error("a client of the control socket was refused", "error", err)
			turnAway(c, http.StatusForbidden, failure{Text: err.Error(), Code: "forbidden"})
			continue
		}
		if !d.server.clients.try(p.uid) {
			turnAway(c, http.StatusTooManyRequests, failure{Text: "too many clients of the control socket are connected; try again later", Code: "busy"})
			continue
		}
		d.server.accepted.Add(1)
		leave := sync.OnceFunc(func() { d.server.clients.leave(p.uid) })
		return &conn{Conn: c, peer: p, leave: leave}, nil
	}
}

// turnAway answers without waiting: what it writes fits an empty buffer.
func turnAway(c *net.UnixConn, status int, f failure) {
	body, _ := toJSON(f)                                // two texts: it cannot fail
	_ = c.SetWriteDeadline(time.Now().Add(time.Second)) // a busy machine may not come to it for a while
	_, _ = fmt.Fprintf(c, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n%s: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
		status, http.StatusText(status), apiHeader, apiVersion, len(body), body)
	_ = c.Close()
}

type peerKey struct{}

// withPeer puts who connected into the context of the requests.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, peerKey{}, c.(*conn).peer)
}

func peerFrom(r *http.Request) peer { return r.Context().Value(peerKey{}).(peer) }
