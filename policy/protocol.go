package policy

import (
	"fmt"
	"strconv"
	"strings"

	"slips-ips/argusfeed"
)

// Protocol is the name of a protocol as Argus spells it, in lower case, or its
// IP protocol number where Argus has no name for it. Empty, it stands for
// every protocol.
type Protocol string

const protocolAllowed = "tcp, udp, icmp, ipv6-icmp, sctp, arp or another name or number (0 to 255) of an IP protocol"

// UnmarshalText accepts names in any letter case, and numbers.
func (p *Protocol) UnmarshalText(b []byte) error {
	v, err := parseProtocol(string(b))
	if err != nil {
		return err
	}
	*p = v
	return nil
}

func parseProtocol(s string) (Protocol, error) {
	name := strings.ToLower(s)
	switch name {
	case "arp", "rarp":
		return Protocol(name), nil
	case "icmpv6", "icmp6":
		return Protocol(argusfeed.ProtoICMPv6.String()), nil
	}
	if n, err := strconv.ParseUint(name, 10, 8); err == nil {
		name = argusfeed.Proto(n).String()
		if back, ok := ipProtocol(name); !ok || back != uint8(n) {
			name = strconv.FormatUint(n, 10) // ra gives this name to several
		}
		return Protocol(name), nil
	}
	if _, ok := ipProtocol(name); ok {
		return Protocol(name), nil
	}
	return "", fmt.Errorf("%q is not allowed; use %s", s, protocolAllowed)
}

// ipProtocol gives the number of an IP protocol's own name. What Argus only
// recognises inside UDP (rtp and the like) is none: a rule for it would be one
// for the whole of UDP.
func ipProtocol(name string) (uint8, bool) {
	for n := range 256 {
		p := argusfeed.Proto(n)
		if p.String() != name {
			continue
		}
		if back, err := argusfeed.ParseProto([]byte(name)); err == nil && back == p {
			return uint8(n), true
		}
	}
	return 0, false
}

// number gives the IP protocol number; ok is false for ARP and the like.
func (p Protocol) number() (n uint8, ok bool) {
	if n, err := strconv.ParseUint(string(p), 10, 8); err == nil {
		return uint8(n), true
	}
	return ipProtocol(string(p))
}

// HasPorts tells whether an IP protocol has ports where TCP has them, which is
// where the kernel's rules look. A block of another protocol has no port.
func HasPorts(protocol uint8) bool {
	switch protocol {
	case uint8(argusfeed.ProtoTCP), uint8(argusfeed.ProtoUDP), uint8(argusfeed.ProtoSCTP), protoDCCP, protoUDPLite:
		return true
	}
	return false
}

// Protocols with ports that Argus has no name for.
const (
	protoDCCP    = 33
	protoUDPLite = 136
)
