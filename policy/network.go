package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Prefixes is a list of networks, in TOML a string or a list of them. Nil
// stands for every address.
type Prefixes []Prefix

// Prefix is a network or, with all bits, a single address. IPv4-mapped IPv6
// networks are kept as the IPv4 networks that they stand for.
type Prefix struct{ netip.Prefix }

const prefixAllowed = `an address ("10.0.0.5", "2001:db8::5") or a network ("10.0.0.0/8", "2001:db8::/32")`

// UnmarshalTOML reads one network or a list.
func (p *Prefixes) UnmarshalTOML(data any) error {
	list, err := unmarshalList[Prefix](data, prefixAllowed+", or a list of them")
	if err != nil {
		return err
	}
	if list == nil {
		return errors.New("the list is empty; use " + prefixAllowed + ", or leave the key out for every address")
	}
	*p = list
	return nil
}

// UnmarshalText reads a network or an address, which stands for itself alone.
func (p *Prefix) UnmarshalText(b []byte) error {
	v, err := parsePrefix(string(b))
	if err != nil {
		return err
	}
	p.Prefix = v
	return nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil && ip.Zone() == "" {
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	text, bits, isNetwork := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(text)
	if !isNetwork || err != nil || ip.Zone() != "" {
		return netip.Prefix{}, fmt.Errorf("%q is not allowed; use %s", s, prefixAllowed)
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is not allowed: /%s; use 0 to %d bits: %s",
			s, bits, ip.BitLen(), prefixAllowed)
	}
	p = unmapPrefix(p)
	// Whoever writes 10.0.0.5/24 means either the host or the network, and the
	// difference is 255 machines.
	if p != p.Masked() {
		return netip.Prefix{}, fmt.Errorf("%q has bits behind its length; use %q for the network or %q for the address",
			s, p.Masked(), p.Addr())
	}
	return p, nil
}

// unmapPrefix turns a network of IPv4-mapped addresses into the IPv4 network.
// Others, the invalid one among them, are left as they are.
func unmapPrefix(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

// MarshalText writes what UnmarshalText reads. It never fails.
func (p Prefix) MarshalText() ([]byte, error) {
	if p.IsSingleIP() {
		return p.Addr().MarshalText()
	}
	return p.Prefix.MarshalText()
}

// Networks is a list of networks with comments, in TOML a string or a list of
// them.
type Networks []Network

// Network is a network and a comment on it, in TOML "10.0.0.5" or, with a
// comment, "10.0.0.5 the printer".
type Network struct {
	Prefix
	Comment string
}

const networkAllowed = prefixAllowed + `, then maybe a blank and a comment`

// UnmarshalTOML reads one network or a list, which may be empty.
func (n *Networks) UnmarshalTOML(data any) error {
	list, err := unmarshalList[Network](data, networkAllowed)
	if err != nil {
		return err
	}
	*n = list
	return nil
}

// UnmarshalText reads a network and maybe a comment behind it.
func (n *Network) UnmarshalText(b []byte) error {
	text := strings.TrimSpace(string(b))
	comment := ""
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		text, comment = text[:i], strings.TrimSpace(strings.TrimLeft(text[i:], " \t#"))
	}
	p, err := parsePrefix(text)
	if err != nil {
		return err
	}
	*n = Network{Prefix: Prefix{p}, Comment: comment}
	return nil
}

// MarshalText writes what UnmarshalText reads. It never fails.
func (n Network) MarshalText() ([]byte, error) {
	b, err := n.Prefix.MarshalText()
	if err == nil && n.Comment != "" {
		b = append(append(b, ' '), n.Comment...)
	}
	return b, err
}
