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
	schema     = schemaMark + "2"
)

// setTimeout is for elements that somebody adds by hand without a timeout.
const setTimeout = time.Hour

// setSize leaves room beyond what is kept for what a transaction holds twice
// while it renews, and for elements that ran out and are not cleaned up yet.
func setSize(blocks int) uint32 { return uint32(blocks + blocks/4 + 1000) }

// tableSets are the sets of our table.
type tableSets struct {
	// blocks are what is stopped. others are those of them whose verdict is not
	// that of [enforce].
	blocks, others [setKinds]*nftables.Set
	guards         [guardKinds]*nftables.Set
}

// all gives them in the order in which nft lists them.
func (t *tableSets) all() []*nftables.Set {
	return append(append(append([]*nftables.Set(nil), t.blocks[:]...), t.others[:]...), t.guards[:]...)
}

func newSets(cfg Config, table *nftables.Table) *tableSets {
	t := &tableSets{}
	for kind := range setKind(setKinds) {
		t.blocks[kind] = newSet(cfg, table, kind, kind.String())
		t.others[kind] = newSet(cfg, table, kind, otherName(kind, cfg.Verdict))
		// What these stop, the others count.
		t.others[kind].Counter = false
		t.others[kind].Size = setSize(min(cfg.MaxBlocks, MaxWide))
	}
	for g := range guardKind(guardKinds) {
		addr := nftables.TypeIPAddr
		if g.ipv6() {
			addr = nftables.TypeIP6Addr
		}
		t.guards[g] = &nftables.Set{
			Table: table, Name: g.String(), KeyType: addr, Interval: true,
			KeyByteOrder: binaryutil.BigEndian, Comment: schema,
		}
	}
	return t
}

// otherName is the name of the set of those whose verdict is the other one.
func otherName(kind setKind, verdict Verdict) string {
	return kind.String() + "_" + string(otherVerdict(verdict))
}

func otherVerdict(v Verdict) Verdict {
	if v == VerdictReject {
		return VerdictDrop
	}
	return VerdictReject
}

func newSet(cfg Config, table *nftables.Table, kind setKind, name string) *nftables.Set {
	addr := nftables.TypeIPAddr
	if kind.ipv6() {
		addr = nftables.TypeIP6Addr
	}
	s := &nftables.Set{
		Table: table, Name: name, KeyType: addr,
		HasTimeout: true, Timeout: setTimeout, Counter: true,
		Size: setSize(cfg.MaxBlocks), KeyByteOrder: binaryutil.BigEndian, Comment: schema,
	}
	if kind.wide() {
		s.Size = setSize(min(cfg.MaxBlocks, MaxWide))
	}
	if kind.single() {
		return s
	}
	fields := []nftables.SetDatatype{addr, addr}
	if kind.proto() {
		fields = append(fields, nftables.TypeInetProto)
	}
	if kind.ports() {
		fields = append(fields, nftables.TypeInetService)
	}
	s.KeyType, s.Concatenation = nftables.MustConcatSetType(fields...), true
	return s
}

// The chains that our base chains jump to, and those of the blocked packets.
const (
	chainBlock    = "block"
	chainBlock4   = "block4"
	chainBlock6   = "block6"
	chainHit4     = "hit4" // chooses the verdict
	chainHit6     = "hit6"
	chainQuarOut  = "quarantined_out"
	chainQuarIn   = "quarantined_in"
	chainDropped  = "dropped"
	chainRejected = "rejected"
)

// chainRules is a chain with its rules, each a list of expressions.
type chainRules struct {
	*nftables.Chain
	rules [][]expr.Any
}

// newChains gives all chains of our table, each after those that it jumps to.
func newChains(cfg Config, table *nftables.Table, counting, wide bool) []chainRules {
	plain := func(name string, rules ...[]expr.Any) chainRules {
		return chainRules{&nftables.Chain{Table: table, Name: name}, rules}
	}
	chains := []chainRules{
		plain(chainDropped, dropRules(counting)...),
		plain(chainRejected, rejectRules(counting)...),
		plain(chainHit4, hitRules(cfg, false)...),
		plain(chainHit6, hitRules(cfg, true)...),
		plain(chainQuarOut+"4", quarantineRules(cfg, 2, chainHit4)...),
		plain(chainQuarIn+"4", quarantineRules(cfg, 0, chainHit4)...),
		plain(chainQuarOut+"6", quarantineRules(cfg, 2, chainHit6)...),
		plain(chainQuarIn+"6", quarantineRules(cfg, 0, chainHit6)...),
		plain(chainBlock4, blockRules(cfg, false, wide)...),
		plain(chainBlock6, blockRules(cfg, true, wide)...),
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

func jump(chain string) expr.Any { return &expr.Verdict{Kind: expr.VerdictJump, Chain: chain} }
func goTo(chain string) expr.Any { return &expr.Verdict{Kind: expr.VerdictGoto, Chain: chain} }

// room makes room for what is adopted, which may be more than is kept from now on.
func (t *tableSets) room(adopted [setKinds]int) {
	for kind, n := range adopted {
		t.blocks[kind].Size = max(t.blocks[kind].Size, setSize(n))
		t.others[kind].Size = max(t.others[kind].Size, setSize(n))
	}
}

// rebuild makes the table with elements in it, one transaction, in the place of
// what was found there.
func (k *kernel) rebuild(found tableState, elems []element) error {
	sets, chains := newSets(k.cfg, k.table), newChains(k.cfg, k.table, k.counting, k.wide)
	sets.room(k.adopted)
	err := k.commit("making the table", func(c *nftables.Conn) {
		if found != tableAbsent {
			c.DelTable(k.table)
		}
		c.AddTable(k.table)
		// The library remembers errors of these calls until the transaction is sent.
		for kind, s := range sets.blocks {
			_ = c.AddSet(s, nil)
			_ = c.SetAddElements(s, setElements(elems, setKind(kind), false))
		}
		for kind, s := range sets.others {
			_ = c.AddSet(s, nil)
			_ = c.SetAddElements(s, setElements(elems, setKind(kind), true))
		}
		for g, s := range sets.guards {
			_ = c.AddSet(s, nil)
			_ = c.SetAddElements(s, intervals(k.guards[g]))
		}
		addChains(c, k.table, chains)
	})
	k.intact = err == nil && k.generation != 0
	return err
}

// mendChains puts the chains right and leaves the sets with their elements.
func (k *kernel) mendChains(present []*nftables.Chain) error {
	return k.commit("making the chains again", func(c *nftables.Conn) {
		c.AddTable(k.table)
		for _, chain := range present {
			c.FlushChain(chain)
		}
		for _, chain := range present {
			c.DelChain(chain)
		}
		addChains(c, k.table, newChains(k.cfg, k.table, k.counting, k.wide))
	})
}

func addChains(c *nftables.Conn, table *nftables.Table, chains []chainRules) {
	for _, chain := range chains {
		c.AddChain(chain.Chain)
	}
	for _, chain := range chains {
		for _, rule := range chain.rules {
			c.AddRule(&nftables.Rule{Table: table, Chain: chain.Chain, Exprs: rule})
		}
	}
}
