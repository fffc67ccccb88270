package hostnet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"
)

// maxResolverFile is far above any sensible resolv.conf.
const maxResolverFile = 64 << 10

// readResolvers reads the name servers of a file as of resolv.conf(5). One that
// does not exist has none.
func readResolvers(name string) ([]netip.Addr, error) {
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxResolverFile))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return parseResolvers(string(text)), nil
}

// parseResolvers skips what it does not understand, as resolvers do.
func parseResolvers(text string) []netip.Addr {
	var addrs []netip.Addr
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "nameserver" {
			continue
		}
		if ip, err := netip.ParseAddr(fields[1]); err == nil {
			addrs = append(addrs, ip.Unmap().WithZone(""))
		}
	}
	return addrs
}
