package policy

import (
	"iter"
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
	KindDHCP     Kind = "dhcp"     // that gave this host its address
	KindNTP      Kind = "ntp"      // where this host's time comes from
	KindSSH      Kind = "ssh"      // the other end of a session of SSH
	KindCLI      Kind = "cli"      // where somebody used the command line from
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
	own     bart.Table[Entry] // addresses of this host
	router  bart.Table[Entry] // those that others are behind
	others  bart.Table[Entry]
	allowed bart.Table[Entry] // what a person may override
	host    bart.Lite         // addresses of this host, router or not
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
	if e.Kind == KindOwn || e.Kind == KindRouter {
		p.host.Insert(e.Prefix)
	}
	table := &p.others
	switch e.Kind {
	case KindOwn:
		table = &p.own
	case KindRouter:
		table = &p.router
	case KindAllow:
		table = &p.allowed
	}
	if before, ok := table.Get(e.Prefix); ok {
		e = before.and(e.Why)
	}
	table.Insert(e.Prefix, e)
}

// and adds a reason.
func (e Entry) and(why string) Entry {
	if !slices.Contains(strings.Split(e.Why, " and "), why) {
		e.Why += " and " + why
	}
	return e
}

// Len is how many networks are protected, each kind of reason counted apart: own
// addresses, allowed ones, and the others, special ranges among them.
func (p *Protected) Len() int {
	if p == nil {
		return 0
	}
	return p.own.Size() + p.router.Size() + p.others.Size() + p.allowed.Size()
}

// Allowed is how many of them are allowed by the admin (KindAllow).
func (p *Protected) Allowed() int {
	if p == nil {
		return 0
	}
	return p.allowed.Size()
}

// All gives the entries: those that the admin allows, then own addresses, then
// the others, each in the order of the networks. Entries for one network and of
// one of these groups are one, with all reasons.
func (p *Protected) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		if p == nil {
			return
		}
		for _, table := range []*bart.Table[Entry]{&p.allowed, &p.own, &p.router, &p.others} {
			for _, e := range table.AllSorted() {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// Own tells whether an address is one of this host.
func (p *Protected) Own(ip netip.Addr) bool {
	return p != nil && p.host.Contains(ip.WithZone("").Unmap())
}

// Lookup tells whether and why an address is protected. An address of this
// host that is protected for another reason too is reported with that one.
func (p *Protected) Lookup(ip netip.Addr) (e Entry, ok bool) { return p.lookup(ip, false) }

// lookup is Lookup; where forced is set what the admin allows does not count.
func (p *Protected) lookup(ip netip.Addr, forced bool) (e Entry, ok bool) {
	e, ok = lookup(&p.others, ip)
	if !forced {
		if a, allowed := lookup(&p.allowed, ip); allowed {
			switch {
			case !ok || a.Prefix.Bits() > e.Prefix.Bits():
				e, ok = a, true
			case a.Prefix == e.Prefix:
				e = e.and(a.Why)
			}
		}
	}
	if ok {
		return e, true
	}
	if e, ok = lookup(&p.router, ip); ok {
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
//
// A protected destination is never blocked, in no scope. Nor is a protected
// source, with two exceptions: an address of this host may be the source of a
// block of one tuple, and, also where others are behind it ([KindRouter]), of a
// block of the destination, which does not name the source.
func (p *Protected) Refuses(t argusfeed.Tuple, scope Scope) (why string, refused bool) {
	return p.refuses(t, scope, false)
}

// RefusesForced is Refuses for a block that a person insists on: what the admin
// allows (KindAllow) does not count, everything else does.
func (p *Protected) RefusesForced(t argusfeed.Tuple, scope Scope) (why string, refused bool) {
	return p.refuses(t, scope, true)
}

// RefusesBlock is Refuses, or RefusesForced where the block is forced.
func (p *Protected) RefusesBlock(b Block) (why string, refused bool) {
	return p.refuses(b.Tuple, b.Scope, b.Forced)
}

func (p *Protected) refuses(t argusfeed.Tuple, scope Scope, forced bool) (why string, refused bool) {
	if p == nil {
		return "the protected addresses are not known yet", true
	}
	if ip, ok := t.Dst.IP(); ok {
		if e, ok := p.lookup(ip, forced); ok {
			return neverBlocked("destination", ip, e), true
		}
	}
	if ip, ok := t.Src.IP(); ok {
		if e, ok := p.lookup(ip, forced); ok && !mayBeSource(e.Kind, scope) {
			return neverBlocked("source", ip, e), true
		}
	}
	return "", false
}

// mayBeSource tells whether a protected address of that kind may be the source of
// a block all the same.
func mayBeSource(k Kind, scope Scope) bool {
	switch scope {
	case ScopeTuple, "":
		return k == KindOwn
	case ScopeDestination:
		return k == KindOwn || k == KindRouter
	}
	return false
}

func neverBlocked(end string, ip netip.Addr, e Entry) string {
	return end + " " + ip.String() + " is " + e.Why + ", which is never blocked"
}

// Unblockable tells why the kernel could not match t, or would drop more than
// t, with scope tuple; it is empty where a block of t means what it says.
func Unblockable(t argusfeed.Tuple) string {
	if why := UnblockableAs(t, ScopePair); why != "" {
		return why
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

// UnblockableAs is Unblockable for any scope. The wider ones need two different
// addresses of one IP version: what has none was not seen on the way that a
// block is on.
func UnblockableAs(t argusfeed.Tuple, scope Scope) string {
	if scope == ScopeTuple || scope == "" {
		return Unblockable(t)
	}
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
	return ""
}
