package web

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
)

// Config is the table [web] of slips.toml.
type Config struct {
	// Listen is a literal loopback address with its port, or empty: the page is at
	// the control socket alone.
	Listen string `toml:"listen"`
	// Tokens is the file of those who may look at it there.
	Tokens string `toml:"tokens"`
}

// DefaultConfig listens nowhere.
func DefaultConfig() Config { return Config{Tokens: "/etc/slips-ips/web.tokens"} }

// Enabled tells whether the page is served on loopback.
func (c Config) Enabled() bool { return c.Listen != "" }

const listenForms = `use "127.0.0.1:9561", "[::1]:9561", or "" for none`

// Validate checks the values and opens nothing. Its errors begin with the key.
func (c Config) Validate() error {
	var all []error
	if c.Tokens != "" && !filepath.IsAbs(c.Tokens) || c.Tokens == "" && c.Enabled() {
		all = append(all, fmt.Errorf("tokens: %q is not allowed; use the path of a file, from /", c.Tokens))
	}
	if !c.Enabled() {
		return errors.Join(all...)
	}
	addr, err := netip.ParseAddrPort(c.Listen)
	switch {
	case err != nil:
		all = append(all, fmt.Errorf("listen: %q is no address with a port, written in numbers; %s", c.Listen, listenForms))
	case addr.Port() == 0:
		all = append(all, fmt.Errorf("listen: %q is not allowed: the port must be 1 to 65535; %s", c.Listen, listenForms))
	case !addr.Addr().Unmap().IsLoopback():
		all = append(all, fmt.Errorf("listen: %q is not allowed: nothing is encrypted, so only this host may reach it; %s, and an SSH tunnel from elsewhere", c.Listen, listenForms))
	}
	return errors.Join(all...)
}
