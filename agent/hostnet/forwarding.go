package hostnet

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// forwardsIPv4 tells whether this host passes IPv4 packets on: everywhere, or from
// some interface, as where systemd-networkd masquerades (IPMasquerade), which leaves
// net.ipv4.ip_forward alone.
//
// /proc/sys/net is that of the network namespace of the calling thread.
func forwardsIPv4(root string) (bool, error) {
	if on, err := sysctlOn(filepath.Join(root, "proc/sys/net/ipv4/ip_forward")); on || err != nil {
		return on, err
	}
	names, err := filepath.Glob(filepath.Join(root, "proc/sys/net/ipv4/conf/*/forwarding"))
	if err != nil {
		return false, fmt.Errorf("looking for interfaces that forward: %w", err)
	}
	for _, name := range names {
		if filepath.Base(filepath.Dir(name)) == "default" { // of interfaces to come
			continue
		}
		if on, err := sysctlOn(name); on || err != nil {
			return on, err
		}
	}
	return false, nil
}

// forwardsIPv6 is the same of IPv6, where the forwarding of one interface says what it
// does with router advertisements, and only that of all passes packets on.
func forwardsIPv6(root string) (bool, error) {
	return sysctlOn(filepath.Join(root, "proc/sys/net/ipv6/conf/all/forwarding"))
}

// sysctlOn takes what is not there for off.
func sysctlOn(name string) (bool, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading %s: %w", name, err)
	}
	return strings.TrimSpace(string(text)) != "0", nil
}
