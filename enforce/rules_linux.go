package enforce

import (
	"encoding/binary"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Registers of four bytes each, from firstWord on; nft names the ones at which
// sixteen bytes begin by number of those.
const (
	firstWord = unix.NFT_REG32_00
	wordSize  = 4
)

func register(offset int) uint32 {
	if offset%16 == 0 {
		return unix.NFT_REG_1 + uint32(offset/16)
	}
	return firstWord + uint32(offset/wordSize)
}

// end is an address of a packet.
type end bool

const (
	source      end = false
	destination end = true
)

// loadAddr loads an address of the packet into a register.
func loadAddr(ipv6 bool, e end, reg uint32) expr.Any {
	offset, size := uint32(12), uint32(4)
	if ipv6 {
		offset, size = 8, 16
	}
	if e == destination {
		offset += size
	}
	return &expr.Payload{DestRegister: reg, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: size}
}

// lookup looks a packet up in a set of blocks. first is the end that stands
// where the blocked source does: with destination it is the answer to a blocked
// packet.
func lookup(set setKind, name string, first end, prefix6 int) []expr.Any {
	size := set.addrLen()
	exprs := []expr.Any{loadAddr(set.ipv6(), first, register(0))}
	if set.single() {
		if set.ipv6() && prefix6 < 128 {
			mask := make([]byte, size)
			for i := range prefix6 / 8 {
				mask[i] = 0xff
			}
			exprs = append(exprs, &expr.Bitwise{
				SourceRegister: register(0), DestRegister: register(0), Len: uint32(size), Mask: mask, Xor: make([]byte, size),
			})
		}
		return append(exprs, &expr.Lookup{SourceRegister: register(0), SetName: name})
	}
	exprs = append(exprs, loadAddr(set.ipv6(), !first, register(size)))
	if set.proto() {
		exprs = append(exprs, &expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register(2 * size)})
	}
	if set.ports() {
		port := uint32(2) // the destination's, behind the source's
		if first == destination {
			port = 0
		}
		exprs = append(exprs, &expr.Payload{
			DestRegister: register(2*size + wordSize), Base: expr.PayloadBaseTransportHeader, Offset: port, Len: 2,
		})
	}
	return append(exprs, &expr.Lookup{SourceRegister: register(0), SetName: name})
}

// unless goes on only where an end of the packet is not in a guard.
func unless(g guardKind, e end) []expr.Any {
	return []expr.Any{
		loadAddr(g.ipv6(), e, register(0)),
		&expr.Lookup{SourceRegister: register(0), SetName: g.String(), Invert: true},
	}
}

// match is the rule that looks a packet up and, where no guard forbids it, goes
// to a chain. It is what a packet that is not blocked costs: one look-up.
func match(set setKind, first end, prefix6 int, chain string) []expr.Any {
	family, never, own := byte(unix.NFPROTO_IPV4), never4, own4
	if set.ipv6() {
		family, never, own = unix.NFPROTO_IPV6, never6, own6
	}
	rule := append(ofFamily(family), lookup(set, set.String(), first, prefix6)...)
	// A quarantine is about the host, whomever it talks to: the router is among
	// what it is kept from.
	rule = append(rule, unless(never, first)...)
	if set != quar4 && set != quar6 {
		rule = append(rule, unless(never, !first)...)
	}
	if set.wide() { // an own address may be the source of a blocked tuple only
		rule = append(rule, unless(own, first)...)
		if !set.single() {
			rule = append(rule, unless(own, !first)...)
		}
	}
	return append(rule, &expr.Counter{}, goTo(chain))
}

// blockRules are asked for every packet of an IP version. wide tells whether
// there may be blocks wider than a tuple: looking for them would cost every packet
// more than the rest, so the rules are left out while there are none.
func blockRules(cfg Config, ipv6, wide bool) [][]expr.Any {
	v, hit, digit := setKind(0), chainHit4, "4"
	if ipv6 {
		v, hit, digit = 1, chainHit6, "6"
	}
	rules := [][]expr.Any{match(blocked4+v, source, 0, hit), match(blocked4+v, destination, 0, hit)}
	if ipv6 {
		rules = append(rules, neighbourDiscovery())
	}
	sets := []setKind{pair4 + v}
	if wide {
		sets = append(sets, hosts4+v, dest4+v)
	}
	for _, set := range sets {
		rules = append(rules, match(set, source, cfg.IPv6Prefix, hit), match(set, destination, cfg.IPv6Prefix, hit))
	}
	if !wide {
		return rules
	}
	return append(rules,
		match(quar4+v, source, cfg.IPv6Prefix, chainQuarOut+digit),
		match(quar4+v, destination, cfg.IPv6Prefix, chainQuarIn+digit))
}

// hitRules choose the verdict of a blocked packet: that of [enforce] unless its
// block is among those of the other one.
func hitRules(cfg Config, ipv6 bool) [][]expr.Any {
	family, v := byte(unix.NFPROTO_IPV4), setKind(0)
	if ipv6 {
		family, v = unix.NFPROTO_IPV6, 1
	}
	chains := map[Verdict]string{VerdictDrop: chainDropped, VerdictReject: chainRejected}
	var rules [][]expr.Any
	for kind := v; kind < setKinds; kind += 2 {
		for _, first := range []end{source, destination} {
			rule := append(ofFamily(family), lookup(kind, otherName(kind, cfg.Verdict), first, cfg.IPv6Prefix)...)
			rules = append(rules, append(rule, goTo(chains[otherVerdict(cfg.Verdict)])))
		}
	}
	return append(rules, []expr.Any{goTo(chains[cfg.Verdict])})
}

// quarantineRules let a quarantined host keep its services. port is where the
// server's port is in the transport header.
func quarantineRules(cfg Config, port uint32, hit string) [][]expr.Any {
	var rules [][]expr.Any
	for _, service := range cfg.QuarantineAllow {
		ports, _ := service.ports() // validated
		for _, p := range ports {
			number := binary.BigEndian.AppendUint16(nil, p.port)
			rules = append(rules, []expr.Any{
				&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: unix.NFT_REG_1},
				&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: []byte{p.proto}},
				&expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseTransportHeader, Offset: port, Len: 2},
				&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: number},
				&expr.Verdict{Kind: expr.VerdictReturn},
			})
		}
	}
	return append(rules, []expr.Any{goTo(hit)})
}

// dropRules and rejectRules end a packet, or only count it.
func dropRules(counting bool) [][]expr.Any {
	if counting {
		return [][]expr.Any{{&expr.Counter{}}}
	}
	return [][]expr.Any{{&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop}}}
}

func rejectRules(counting bool) [][]expr.Any {
	if counting {
		return [][]expr.Any{{&expr.Counter{}}}
	}
	return [][]expr.Any{
		{&expr.Counter{}},
		{
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: unix.NFT_REG_1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: []byte{unix.IPPROTO_TCP}},
			&expr.Reject{Type: unix.NFT_REJECT_TCP_RST},
		},
		{&expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED}},
	}
}

// ofFamily matches packets of an IP version. It comes first in each rule, or
// nft would list the addresses as bare offsets.
func ofFamily(family byte) []expr.Any {
	return []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: unix.NFT_REG_1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: []byte{family}},
	}
}

// neighbourDiscovery lets router and neighbour solicitations, advertisements
// and redirects (types 133 to 137, RFC 4861) pass before pair6 and the wider
// sets are asked: without them a block of ICMPv6 between this host and a
// neighbour would cut everything between the two. They never come from beyond
// the link.
func neighbourDiscovery() []expr.Any {
	return append(ofFamily(unix.NFPROTO_IPV6),
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: unix.NFT_REG_1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: unix.NFT_REG_1, Data: []byte{unix.IPPROTO_ICMPV6}},
		&expr.Payload{DestRegister: unix.NFT_REG_1, Base: expr.PayloadBaseTransportHeader, Offset: 0, Len: 1},
		&expr.Cmp{Op: expr.CmpOpGte, Register: unix.NFT_REG_1, Data: []byte{133}},
		&expr.Cmp{Op: expr.CmpOpLte, Register: unix.NFT_REG_1, Data: []byte{137}},
		&expr.Verdict{Kind: expr.VerdictReturn},
	)
}
