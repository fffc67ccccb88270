package policy

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/gaissmai/bart"

	"slips-ips/argusfeed"
)

// Kind says what makes an address protected.
type Kind string

// The kinds.
const (
	KindOwn      Kind = "own"      // of this host
	KindRouter   Kind = "router"   // of this host, which others are behind
	KindGateway  Kind = "gateway"  // of a route
	KindResolver Kind = "resolver" // of names
	KindFeed     Kind = "feed"     // where flows come from
	KindAllow    Kind = "allow"    // in [protect]
	KindSpecial  Kind = "special"  // no single host's: loopback, multicast and the like
)

// Entry is one protected address or network.
type Entry struct {
	Prefix netip.Prefix
	Kind   Kind
	// Why completes "10.0.0.1 is ...": "the gateway of eth0", "a resolver
	// (/etc/resolv.conf)", "an own address of eth0".
	Why string
}

// special is protected always, and in every Protected.
var special = []struct{ prefix, why string }{
	{"0.0.0.0/8", "an unspecified address"},
	{"127.0.0.0/8", "a loopback address"},
	{"169.254.0.0/16", "a link-local address"},
	{"224.0.0.0/4", "a multicast address"},
	{"255.255.255.255/32", "the broadcast address"},
	{"::/128", "the unspecified address"},
	{"::1/128", "the loopback address"},
	{"fe80::/10", "a link-local address"},
	{"ff00::/8", "a multicast address"},
}

// Protected is a snapshot of the addresses that are never blocked. It does not
// change after it was made and is safe for concurrent use. The nil Protected
// knows nothing, so with it nothing may be blocked.
type Protected struct {
	own    bart.Table[Entry] // addresses of this host
	others bart.Table[Entry]
}

// NewProtected makes a snapshot of entries and of the special ranges. Several
// reasons for one network are all kept in words. An entry with an invalid
// prefix stands for no address and is left out.
func NewProtected(entries ...Entry) *Protected {
	p := &Protected{}
	for _, s := range special {
		p.add(Entry{Prefix: netip.MustParsePrefix(s.prefix), Kind: KindSpecial, Why: s.why})
	}
	for _, e := range entries {
		p.add(e)
	}
	return p
}

func (p *Protected) add(e Entry) {
	if !e.Prefix.IsValid() {
		return
	}
	e.Prefix = unmapPrefix(e.Prefix).Masked()
	e.Why = printable(e.Why)
	table := &p.others
	if e.Kind == KindOwn {
		table = &p.own
	}
	if before, ok := table.Get(e.Prefix); ok {
		if !slices.Contains(strings.Split(before.Why, " and "), e.Why) {
			before.Why += " and " + e.Why
		}
		e = before
	}
	table.Insert(e.Prefix, e)
}

// Lookup tells whether and why an address is protected. An address of this
// host that is protected for another reason too is reported with that one.
func (p *Protected) Lookup(ip netip.Addr) (e Entry, ok bool) {
	if e, ok = lookup(&p.others, ip); ok {
		return e, true
	}
	return lookup(&p.own, ip)
}

// lookup finds the narrowest network around an address. An IPv4-mapped one is
// looked for as the IPv4 address that it stands for, then as it is written.
func lookup(table *bart.Table[Entry], ip netip.Addr) (Entry, bool) {
	ip = ip.WithZone("")
	if e, ok := table.Lookup(ip.Unmap()); ok {
		return e, true
	}
	if ip.Is4In6() {
		return table.Lookup(ip)
	}
	return Entry{}, false
}

// Refuses tells why a block of t with the given scope must not be: which end of
// it is protected. It does not ask whether the kernel could match t.
func (p *Protected) Refuses(t argusfeed.Tuple, scope Scope) (why string, refused bool) {
	if p == nil {
		return "the protected addresses are not known yet", true
	}
	if ip, ok := t.Dst.IP(); ok {
		if e, ok := p.Lookup(ip); ok {
			return neverBlocked("destination", ip, e), true
		}
	}
	if ip, ok := t.Src.IP(); ok {
		if e, ok := p.Lookup(ip); ok && (e.Kind != KindOwn || scope != ScopeTuple) {
			return neverBlocked("source", ip, e), true
		}
	}
	return "", false
}

func neverBlocked(end string, ip netip.Addr, e Entry) string {
	return end + " " + ip.String() + " is " + e.Why + ", which is never blocked"
}

// Unblockable tells why the kernel could not match t, or would drop more than
// t, with scope tuple; it is empty where a block of t means what it says.
func Unblockable(t argusfeed.Tuple) string {
	src, okSrc := t.Src.IP()
	dst, okDst := t.Dst.IP()
	switch {
	case !okSrc || !okDst:
		return "the tuple has no two IP addresses"
	case src.Is4() != dst.Is4():
		return "the tuple mixes IPv4 and IPv6"
	case src == dst:
		return "source and destination are the same"
	}
	proto, ok := t.Proto.Number()
	if !ok || proto == 0 {
		return "the firewall knows no protocol " + quoted(t.Proto.String())
	}
	if !HasPorts(proto) {
		return ""
	}
	switch port, ok := t.Port.Number(); {
	case ok && port != 0:
		return ""
	case t.Port == 0 || ok:
		return "the tuple has no port, and without one the block would cut all of " + t.Proto.String()
	default:
		return "port " + quoted(t.Port.String()) + " is not a number (does ra run with -n?)"
	}
}
