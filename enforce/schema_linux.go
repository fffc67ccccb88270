package enforce

import (
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// The sets carry a comment by which a table is known to be ours. Count the
// version up when what it stands for changes.
const (
	schemaMark = "slips-ips schema "
	schema     = schemaMark + "1"
)

// setTimeout is for elements that somebody adds by hand without a timeout.
const setTimeout = time.Hour

// setSize leaves room beyond max_blocks for what a transaction holds twice
// while it renews, and for elements that ran out and are not cleaned up yet.
func setSize(maxBlocks int) uint32 { return uint32(maxBlocks + maxBlocks/4 + 4*chunkSize) }

func newSets(cfg Config, table *nftables.Table) (sets [setKinds]*nftables.Set) {
	for kind := range setKind(setKinds) {
		addr := nftables.TypeIPAddr
		if kind.ipv6() {
			addr = nftables.TypeIP6Addr
		}
		fields := []nftables.SetDatatype{addr, addr, nftables.TypeInetProto}
		if kind.ports() {
			fields = append(fields, nftables.TypeInetService)
		}
		sets[kind] = &nftables.Set{
			Table:         table,
			Name:          kind.String(),
			KeyType:       nftables.MustConcatSetType(fields...),
			Concatenation: true,
			HasTimeout:    true,
			Timeout:       setTimeout,
			Counter:       true,
			Size:          setSize(cfg.MaxBlocks),
			KeyByteOrder:  binaryutil.BigEndian,
			Comment:       schema,
		}
	}
	return sets
}

// The chains that our base chains jump to.
const (
	chainBlock  = "block"
	chainBlock4 = "block4"
	chainBlock6 = "block6"
)

// chainRules is a chain with its rules, each a list of expressions.
type chainRules struct {
	*nftables.Chain
	rules [][]expr.Any
}

// newChains gives all chains of our table, each after those that it jumps to.
func newChains(cfg Config, table *nftables.Table) []chainRules {
	plain := func(name string, rules ...[]expr.Any) chainRules {
		return chainRules{&nftables.Chain{Table: table, Name: name}, rules}
	}
	chains := []chainRules{
		plain(chainBlock4,
			match(blocked4, false, cfg.Verdict), match(blocked4, true, cfg.Verdict),
			match(pair4, false, cfg.Verdict), match(pair4, true, cfg.Verdict)),
		plain(chainBlock6,
			match(blocked6, false, cfg.Verdict), match(blocked6, true, cfg.Verdict),
			neighbourDiscovery(),
			match(pair6, false, cfg.Verdict), match(pair6, true, cfg.Verdict)),
		plain(chainBlock,
			append(ofFamily(unix.NFPROTO_IPV4), jump(chainBlock4)),
			append(ofFamily(unix.NFPROTO_IPV6), jump(chainBlock6))),
	}
	for _, h := range cfg.Hooks {
		hook := map[Hook]*nftables.ChainHook{
			HookForward: nftables.ChainHookForward,
			HookInput:   nftables.ChainHookInput,
			HookOutput:  nftables.ChainHookOutput,
		}[h]
		accept := nftables.ChainPolicyAccept
		chains = append(chains, chainRules{
			&nftables.Chain{
				Table: table, Name: string(h), Type: nftables.ChainTypeFilter, Hooknum: hook,
				Priority: nftables.ChainPriorityRef(nftables.ChainPriority(cfg.Priority)), Policy: &accept,
			},
			[][]expr.Any{{jump(chainBlock)}},
		})
	}
	return chains
}

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

// match is the rule that looks a packet up in a set. reverse looks up the answer
// to a blocked packet: source and destination change places.
func match(set setKind, reverse bool, verdict Verdict) []expr.Any {
	family, source := byte(unix.NFPROTO_IPV4), uint32(12)
	if set.ipv6() {
		family, source = unix.NFPROTO_IPV6, 8
	}
	size := set.addrLen()
	first, second := source, source+uint32(size)
	port := uint32(2) // the destination's, behind the source's
	if reverse {
		first, second, port = second, first, 0
	}
	rule := append(ofFamily(family),
		&expr.Payload{DestRegister: register(0), Base: expr.PayloadBaseNetworkHeader, Offset: first, Len: uint32(size)},
		&expr.Payload{DestRegister: register(size), Base: expr.PayloadBaseNetworkHeader, Offset: second, Len: uint32(size)},
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: register(2 * size)},
	)
	if set.ports() {
		rule = append(rule, &expr.Payload{
			DestRegister: register(2*size + wordSize), Base: expr.PayloadBaseTransportHeader, Offset: port, Len: 2,
		})
	}
	rule = append(rule, &expr.Lookup{SourceRegister: register(0), SetName: set.String()}, &expr.Counter{})
	if verdict == VerdictReject {
		return append(rule, &expr.Reject{Type: unix.NFT_REJECT_ICMPX_UNREACH, Code: unix.NFT_REJECT_ICMPX_ADMIN_PROHIBITED})
	}
	return append(rule, &expr.Verdict{Kind: expr.VerdictDrop})
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
// and redirects (types 133 to 137, RFC 4861) pass before pair6 is asked:
// without them a block of ICMPv6 between this host and a neighbour would cut
// everything between the two. They never come from beyond the link.
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

func jump(chain string) expr.Any { return &expr.Verdict{Kind: expr.VerdictJump, Chain: chain} }

// rebuild makes the table with elements in it, one transaction, in the place of
// what was found there.
func (k *kernel) rebuild(found tableState, elems []element) error {
	sets, chains := newSets(k.cfg, k.table), newChains(k.cfg, k.table)
	err := k.commit("making the table", func(c *nftables.Conn) {
		if found != tableAbsent {
			c.DelTable(k.table)
		}
		c.AddTable(k.table)
		// The library remembers errors of these calls until the transaction is sent.
		for kind, s := range sets {
			_ = c.AddSet(s, nil)
			_ = c.SetAddElements(s, setElements(elems, setKind(kind)))
		}
		for _, chain := range chains {
			c.AddChain(chain.Chain)
		}
		for _, chain := range chains {
			for _, rule := range chain.rules {
				c.AddRule(&nftables.Rule{Table: k.table, Chain: chain.Chain, Exprs: rule})
			}
		}
	})
	k.intact = err == nil && k.generation != 0
	return err
}
