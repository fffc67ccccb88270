//go:build !linux

package enforce

import "net"

// lockTable has nothing to lock: there is no table.
func lockTable(string) (net.Listener, error) { return nil, nil }
