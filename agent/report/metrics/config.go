package metrics

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
)

// Config is the table [metrics] of slips.toml.
type Config struct {
	// Listen is a literal loopback address with its port, "unix:" and the path of
	// a socket, or empty: no metrics.
	Listen string `toml:"listen"`
	// AllowRemote allows an address that others can reach. Nothing is encrypted
	// and nobody is asked who they are.
	AllowRemote bool `toml:"allow_remote"`
}

// DefaultConfig listens nowhere.
func DefaultConfig() Config { return Config{} }

// Enabled tells whether there is something to serve.
func (c Config) Enabled() bool { return c.Listen != "" }

const listenForms = `use "127.0.0.1:9560", "[::1]:9560", "unix:/run/slips-ips/metrics.sock", or "" for none`

// longestSocket is what fits into sockaddr_un with its final zero.
const longestSocket = 107

// Validate checks the values and opens nothing. Its error begins with the key.
func (c Config) Validate() error {
	if !c.Enabled() {
		return nil
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("listen: %q is not allowed: %w", c.Listen, err)
	}
	return nil
}

func (c Config) check() error {
	if path, ok := c.socket(); ok {
		switch {
		case !filepath.IsAbs(path):
			return errors.New("the path of the socket must begin with /; " + listenForms)
		case len(path) > longestSocket:
			return fmt.Errorf("the path of a socket has at most %d bytes; %s", longestSocket, listenForms)
		}
		return nil
	}
	addr, err := netip.ParseAddrPort(c.Listen)
	switch {
	case err != nil:
		return errors.New("this is neither an address with a port, written in numbers, nor a socket; " + listenForms)
	case addr.Port() == 0:
		return errors.New("the port must be 1 to 65535; " + listenForms)
	case !c.onLoopback() && !c.AllowRemote:
		return errors.New("others than this host can reach it, without encryption or password: " +
			"use 127.0.0.1 or [::1] and a tunnel, or set allow_remote = true where a firewall lets only Prometheus in")
	}
	return nil
}

// onLoopback tells whether only this host can reach what is listened to over TCP.
func (c Config) onLoopback() bool {
	addr, err := netip.ParseAddrPort(c.Listen)
	return err == nil && addr.Addr().Unmap().IsLoopback()
}

// socket gives the path of a unix socket.
func (c Config) socket() (path string, ok bool) { return strings.CutPrefix(c.Listen, "unix:") }
