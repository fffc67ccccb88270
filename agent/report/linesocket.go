package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// socketPatience is how long a receiver may take to take a report.
const socketPatience = 10 * time.Second

// socket is a connection that is made when it is needed and again after it
// failed. It belongs to one goroutine.
type socket struct {
	network, address string
	conn             net.Conn
}

// send writes a message in one go, in a datagram or on a stream. Where the
// connection broke since the message before, it tries once more on a new one: a
// receiver that was restarted loses nothing. Cutting ctx ends it at once.
func (s *socket) send(ctx context.Context, message []byte) error {
	fresh := s.conn == nil
	err := s.try(ctx, message)
	if err != nil && !fresh && ctx.Err() == nil && !errors.Is(err, syscall.EMSGSIZE) {
		err = s.try(ctx, message)
	}
	if errors.Is(err, syscall.EMSGSIZE) {
		return lost{err}
	}
	return err
}

func (s *socket) try(ctx context.Context, message []byte) error {
	if s.conn == nil {
		dial := net.Dialer{Timeout: socketPatience}
		conn, err := dial.DialContext(ctx, s.network, s.address)
		if err != nil {
			return fmt.Errorf("connecting for reports: %w", err)
		}
		s.conn = conn
	} else if s.ended() {
		s.close()
		return fmt.Errorf("sending a report to %s: the receiver closed the connection", s.address)
	}
	conn := s.conn
	err := conn.SetWriteDeadline(time.Now().Add(socketPatience))
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		_, err = conn.Write(message)
		stop()
	}
	if err != nil { // part of it may have been sent: the rest must not follow on the same connection
		s.close()
		return fmt.Errorf("sending a report to %s: %w", s.address, err)
	}
	return nil
}

// ended tells whether the receiver closed a stream: the first write after that
// would seem to work. Receivers send nothing; what they do send is thrown away.
func (s *socket) ended() bool {
	if _, stream := s.conn.(interface{ CloseWrite() error }); !stream || s.network == "unixgram" {
		return false
	}
	raw, ok := s.conn.(syscall.Conn)
	if !ok {
		return false
	}
	rc, err := raw.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	var waste [512]byte
	err = rc.Read(func(fd uintptr) bool {
		n, err := syscall.Read(int(fd), waste[:])
		gone = n == 0 && err == nil || err != nil && !errors.Is(err, syscall.EAGAIN) && !errors.Is(err, syscall.EINTR)
		return true // one look, no waiting
	})
	return gone || err != nil
}

func (s *socket) close() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// lineSocket writes lines to a unix socket: all at once to a stream, each in a
// datagram of its own else.
type lineSocket struct {
	network, path string
	s             socket
}

func (l *lineSocket) write(ctx context.Context, lines []byte) error {
	l.s.network, l.s.address = l.network, l.path
	if l.network == "unix" {
		return l.s.send(ctx, lines)
	}
	for line := range bytes.Lines(lines) {
		if err := l.s.send(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

func (l *lineSocket) close() { l.s.close() }
