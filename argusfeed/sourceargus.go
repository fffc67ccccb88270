package argusfeed

import (
	"context"
	"io"
	"net"
	"time"
)

const (
	// dialWait is how long a connection may take, over all addresses of a name.
	dialWait = 10 * time.Second
	// doneWait is how long an Argus may take to end the stream when it is asked
	// to; it does so within 0.1 seconds.
	doneWait = time.Second
)

// dialer connects to an address. net.Dialer does: IPv6 and IPv4, one address
// after the other.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// newArgusSource reads an Argus or a radium that somebody else runs.
func newArgusSource(url, address string, opt Options) *liveSource {
	return dialSource(url, address, opt, (&net.Dialer{Timeout: dialWait}).DialContext)
}

func dialSource(url, address string, opt Options, dial dialer) *liveSource {
	s := &liveSource{status: newStatus(url), opt: opt}
	s.open = func(ctx context.Context) (*link, error) {
		conn, err := dial(ctx, "tcp", address)
		if err != nil {
			return nil, notConnected(address, err)
		}
		if opt.User != "" {
			if err := checkOwner(ctx, conn, opt.User); err != nil {
				_ = conn.Close()
				return nil, err
			}
		}
		return &link{
			conn: conn, where: address, grace: doneWait,
			finish: func() { _ = sayDone(conn) },
			close:  func(why error) error { _ = conn.Close(); return why },
		}, nil
	}
	return s
}

// sayDone tells Argus that its client leaves; it then ends the stream. Where
// that fails the connection is just closed.
func sayDone(conn net.Conn) error {
	if err := conn.SetWriteDeadline(time.Now().Add(doneWait)); err != nil {
		return err
	}
	_, err := io.WriteString(conn, "DONE: ")
	return err
}
