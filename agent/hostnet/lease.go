package hostnet

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"slips-ips/policy"
)

// lease is what a DHCP client wrote down: the address that it was given, who
// gave it, and the time servers that came along. Any may be missing.
type lease struct {
	address      netip.Addr
	servers, ntp []netip.Addr
}

// leaseFiles are where the DHCP clients of Debian keep their leases. Clients of
// IPv6 talk to link-local addresses, which are never blocked anyway.
var leaseFiles = []struct {
	pattern string
	parse   func([]byte) []lease
}{
	{"/var/lib/dhcp/dhclient*.leases", parseDhclient},
	{"/var/lib/NetworkManager/dhclient*.lease", parseDhclient},
	{"/run/systemd/netif/leases/*", parseKeyed},
	{"/var/lib/NetworkManager/internal-*.lease", parseKeyed},
	{"/run/NetworkManager/devices/*", parseKeyed},
	{"/var/lib/dhcpcd/*.lease", parseDhcpcd},
}

// Limits of what is read at each look: files of a kind, and bytes of a file.
const (
	maxFiles    = 256
	maxFileSize = 1 << 20
)

// readLeases reads all leases below a root. A file that cannot be read is an
// error, and the others count.
func readLeases(root string) ([]lease, error) {
	var found []lease
	var all []error
	for _, kind := range leaseFiles {
		err := eachFile(root, kind.pattern, func(_ string, data []byte) { found = append(found, kind.parse(data)...) })
		all = append(all, err)
	}
	return found, errors.Join(all...)
}

// eachFile reads the files of a pattern below a root. What vanishes meanwhile,
// and what only root may read, is as good as not there.
func eachFile(root, pattern string, take func(name string, data []byte)) error {
	names, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		return fmt.Errorf("looking for %s: %w", pattern, err)
	}
	var all []error
	for _, name := range names[:min(len(names), maxFiles)] {
		data, err := readFile(name)
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission):
		case err != nil:
			all = append(all, err)
		default:
			take(name, data)
		}
	}
	return errors.Join(all...)
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fs.ErrNotExist // a pipe would have us wait
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFileSize))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return data, nil
}

// leaseEntries gives the servers of the leases that are in use: those whose
// address is one of this host. Files of networks that it has left lie around.
func leaseEntries(leases []lease, own []policy.Entry) []policy.Entry {
	var entries []policy.Entry
	for _, l := range leases {
		if l.address.IsValid() && !slices.ContainsFunc(own, func(e policy.Entry) bool {
			return e.Kind == policy.KindOwn && e.Prefix.Addr() == l.address
		}) {
			continue
		}
		for _, ip := range l.servers {
			entries = append(entries, entry(ip, policy.KindDHCP, "the DHCP server of this host"))
		}
		for _, ip := range l.ntp {
			entries = append(entries, entry(ip, policy.KindNTP, "a time server (from DHCP)"))
		}
	}
	return entries
}

// parseDhclient reads dhclient.leases(5). Each lease of a file counts: the newest
// comes last, and older ones have other addresses or the same server.
func parseDhclient(data []byte) []lease {
	var all []lease
	var now *lease
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(strings.NewReplacer(";", " ", ",", " ").Replace(line))
		switch {
		case len(fields) >= 2 && fields[0] == "lease" && fields[1] == "{":
			all = append(all, lease{})
			now = &all[len(all)-1]
		case now == nil || len(fields) < 2:
		case fields[0] == "fixed-address":
			now.address = parseIP(fields[1])
		case fields[0] == "option" && len(fields) > 2 && fields[1] == "dhcp-server-identifier":
			now.servers = addIPs(now.servers, fields[2:])
		case fields[0] == "option" && len(fields) > 2 && fields[1] == "ntp-servers":
			now.ntp = addIPs(now.ntp, fields[2:])
		}
	}
	return all
}

// parseKeyed reads what systemd-networkd and NetworkManager write: KEY=value.
func parseKeyed(data []byte) []lease {
	var l lease
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		fields := strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' || r == ';' })
		switch strings.ToLower(key) {
		case "address", "ip_address", "dhcp4.ip_address":
			if len(fields) > 0 {
				l.address = parseIP(fields[0])
			}
		case "server_address", "dhcp_server_identifier", "dhcp4.dhcp_server_identifier":
			l.servers = addIPs(l.servers, fields)
		case "ntp", "ntp_servers", "dhcp4.ntp_servers":
			l.ntp = addIPs(l.ntp, fields)
		}
	}
	if len(l.servers) == 0 && len(l.ntp) == 0 {
		return nil
	}
	return []lease{l}
}

// Where things are in a DHCP message (RFC 2131, 2132).
const (
	dhcpAddress  = 16 // yiaddr
	dhcpCookie   = 236
	dhcpOptions  = 240
	dhcpMagic    = 0x63825363
	optionPad    = 0
	optionNTP    = 42
	optionServer = 54
	optionEnd    = 255
)

// parseDhcpcd reads the message of a DHCP server as dhcpcd keeps it.
func parseDhcpcd(data []byte) []lease {
	if len(data) < dhcpOptions || binary.BigEndian.Uint32(data[dhcpCookie:]) != dhcpMagic {
		return nil
	}
	l := lease{address: netip.AddrFrom4([4]byte(data[dhcpAddress:]))}
	for rest := data[dhcpOptions:]; len(rest) > 0 && rest[0] != optionEnd; {
		if rest[0] == optionPad {
			rest = rest[1:]
			continue
		}
		if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
			break
		}
		value := rest[2 : 2+int(rest[1])]
		for ; len(value) >= 4 && (rest[0] == optionServer || rest[0] == optionNTP); value = value[4:] {
			list := &l.servers
			if rest[0] == optionNTP {
				list = &l.ntp
			}
			*list = addIPs(*list, []string{netip.AddrFrom4([4]byte(value)).String()})
		}
		rest = rest[2+int(rest[1]):]
	}
	if len(l.servers) == 0 && len(l.ntp) == 0 {
		return nil
	}
	return []lease{l}
}

// maxServers is how many servers of a kind a file may name.
const maxServers = 32

func addIPs(list []netip.Addr, fields []string) []netip.Addr {
	for _, f := range fields {
		list = addIP(list, parseIP(f))
	}
	return list
}

func addIP(list []netip.Addr, ip netip.Addr) []netip.Addr {
	if ip.IsValid() && !ip.IsUnspecified() && len(list) < maxServers {
		list = append(list, ip.Unmap())
	}
	return list
}

// parseIP reads an address, maybe with a zone or a prefix length; else it gives
// the zero one.
func parseIP(s string) netip.Addr {
	s, _, _ = strings.Cut(strings.Trim(s, `"'[]`), "/")
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}

// lines of a configuration file without comments.
func configLines(data []byte, each func(fields []string)) {
	for line := range bytes.Lines(data) {
		text, _, _ := strings.Cut(string(line), "#")
		if fields := strings.Fields(text); len(fields) > 0 {
			each(fields)
		}
	}
}
