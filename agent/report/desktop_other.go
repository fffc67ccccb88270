//go:build !linux

package report

import (
	"context"
	"errors"
	"net"
)

// errNoDesktop says that desktops are notified on Linux only.
var errNoDesktop = errors.New("desktop notifications are for Linux only")

func dialAs(context.Context, bus) (*net.UnixConn, error) { return nil, errNoDesktop }

func ownerOf(string) (uid, gid uint32, err error) { return 0, 0, errNoDesktop }
