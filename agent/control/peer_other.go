//go:build !linux

package control

import (
	"errors"
	"net"
)

// peerOf needs a kernel that tells who connected and in which groups.
func peerOf(*net.UnixConn) (peer, error) {
	return peer{}, errors.New("who connects to the control socket is only known on Linux")
}
