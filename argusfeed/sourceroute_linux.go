package argusfeed

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
)

// defaultInterface gives the interface of the default route, IPv4 before IPv6.
func defaultInterface() (string, error) {
	for _, table := range []struct {
		path  string
		parse func(io.Reader) string
	}{{"/proc/net/route", defaultRoute4}, {"/proc/net/ipv6_route", defaultRoute6}} {
		f, err := os.Open(table.path)
		if err != nil {
			continue // no such protocol here
		}
		name := table.parse(f)
		f.Close()
		if name != "" {
			return name, nil
		}
	}
	return "", errors.New("there is no default route to take the interface from; name one, as in spawn:eth0")
}

// rejects is the flag of a route that refuses (RTF_REJECT of the kernel).
const rejects = 0x200

// defaultRoute4 reads /proc/net/route: Iface Destination Gateway Flags RefCnt
// Use Metric Mask. The lowest metric wins, as in the kernel.
func defaultRoute4(r io.Reader) string {
	return bestRoute(r, func(f []string) (name string, flags, metric uint64, ok bool) {
		if len(f) < 8 || f[1] != "00000000" || f[7] != "00000000" {
			return
		}
		flags, err1 := strconv.ParseUint(f[3], 16, 32)
		metric, err2 := strconv.ParseUint(f[6], 10, 32)
		return f[0], flags, metric, err1 == nil && err2 == nil
	})
}

// defaultRoute6 reads /proc/net/ipv6_route: destination, length, source,
// length, next hop, metric, use, references, flags, interface.
func defaultRoute6(r io.Reader) string {
	return bestRoute(r, func(f []string) (name string, flags, metric uint64, ok bool) {
		if len(f) < 10 || strings.Trim(f[0], "0") != "" || f[1] != "00" {
			return
		}
		metric, err1 := strconv.ParseUint(f[5], 16, 32)
		flags, err2 := strconv.ParseUint(f[8], 16, 32)
		return f[9], flags, metric, err1 == nil && err2 == nil
	})
}

func bestRoute(r io.Reader, parse func(fields []string) (string, uint64, uint64, bool)) (best string) {
	lowest := uint64(1 << 32)
	for lines := bufio.NewScanner(r); lines.Scan(); {
		name, flags, metric, ok := parse(strings.Fields(lines.Text()))
		if ok && flags&rejects == 0 && name != "lo" && metric < lowest {
			best, lowest = name, metric
		}
	}
	return best
}
