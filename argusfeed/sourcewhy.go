package argusfeed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

var (
	// errAuthentication says that Argus serves only those that prove who they are.
	errAuthentication = errors.New("argus wants authentication")
	// errSilent says that Argus has sent nothing for too long.
	errSilent = errors.New("nothing came")
)

func (s *session) errorf(format string, args ...any) error {
	return fmt.Errorf(s.link.where+": "+format, args...)
}

// class is an error without what is another thing each time: what a stream that is
// not Argus's has instead.
func class(err error) string {
	if foreign, ok := errors.AsType[*ArgusError](err); ok {
		return foreign.Err.Error()
	}
	return err.Error()
}

// refused says what can be done about a refusal.
func (s *session) refused(why error) error {
	switch {
	case errors.Is(why, ErrArgusClients):
		return s.errorf("%w: end one of them, or read through radium, which takes 128", why)
	case errors.Is(why, ErrArgusAccess):
		return s.errorf("%w: admit this host in its hosts.allow (daemon argus)", why)
	}
	return s.errorf("%w", why)
}

// because says why the stream ended.
func (s *session) because(err error) error {
	_, foreign := errors.AsType[*ArgusError](err)
	switch {
	case !s.stopBy.IsZero():
		return errStopped
	case s.in.final != nil && errors.Is(err, s.in.final):
		return s.in.final // it says all that there is to say
	case errors.Is(err, ErrArgusCut):
		return s.errorf("%w: argus was killed, or the connection was cut", err)
	case foreign:
		return s.errorf("%w; is the port that of an argus or radium?", err)
	case errors.Is(err, io.EOF):
		return s.errorf("the stream ended: argus was stopped or restarted")
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return s.errorf("%w: argus was killed, or the connection was cut", plain(err))
	}
	return s.errorf("%w", plain(err))
}

// notConnected says why there is no connection.
func notConnected(where string, err error) error {
	_, unknown := errors.AsType[*net.DNSError](err)
	advice := ""
	switch {
	case errors.Is(err, context.Canceled):
		return errStopped
	case unknown:
		advice = "check the name, or write the address"
	case errors.Is(err, syscall.ECONNREFUSED):
		advice = "nothing listens there: is argus running, with that ARGUS_ACCESS_PORT and an ARGUS_BIND_IP that this host reaches?"
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return fmt.Errorf("%s: no answer within %v: check the address, and the firewalls in between", where, dialWait)
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		advice = "check the address, the routes and the tunnel"
	default:
		return fmt.Errorf("%s: %w", where, plain(err))
	}
	return fmt.Errorf("%s: %w: %s", where, plain(err), advice)
}

// plain takes from an error of the network the addresses: the local port is
// another one each time, and the log tells only what changes.
func plain(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		err = op.Err
	}
	if sys, ok := errors.AsType[*os.SyscallError](err); ok {
		err = sys.Err
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return errors.New(strings.TrimPrefix(dns.Error(), "lookup "))
	}
	return err
}
