package enforce

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// inspect tells what stands under the name of our table and binds the next
// transaction to the ruleset in which it was seen. ErrForeignTable says that it
// is somebody else's table.
func (k *kernel) inspect() (tableState, error) {
	for n := 0; ; n++ {
		before, err := k.current()
		if err != nil {
			return tableAbsent, err
		}
		if k.intact && before == k.generation && before != 0 {
			return tableIntact, nil
		}
		k.intact = false
		found, err := k.look()
		after, again := k.current()
		if again != nil {
			return tableAbsent, again
		}
		// What was seen while the ruleset changed may never have been.
		if before != after && n < attempts {
			continue
		}
		if err != nil {
			return tableAbsent, err
		}
		k.generation, k.intact = before, found == tableTouched
		return found, nil
	}
}

// look compares the table with what we would make.
func (k *kernel) look() (tableState, error) {
	var (
		table  *nftables.Table
		sets   []*nftables.Set
		chains []*nftables.Chain
	)
	err := k.read("looking for the table", func(c *nftables.Conn) (err error) {
		table, err = c.ListTableOfFamily(k.cfg.Table, nftables.TableFamilyINet)
		return err
	})
	if errors.Is(err, unix.ENOENT) {
		k.why = "the table was gone"
		return tableAbsent, nil
	}
	if err != nil {
		return tableAbsent, err
	}
	err = k.read("listing sets and chains", func(c *nftables.Conn) (err error) {
		if sets, err = c.GetSets(k.table); err != nil {
			return err
		}
		chains, err = c.ListChainsOfTableFamily(nftables.TableFamilyINet)
		return err
	})
	if err != nil {
		return tableAbsent, err
	}
	ours := table.Use == 0 // an empty table is nobody's
	for _, s := range sets {
		ours = ours || strings.HasPrefix(s.Comment, schemaMark)
	}
	if !ours {
		return tableAbsent, fmt.Errorf("%w: inet %s was not made by slips-ips; choose another name with enforce.table, or remove it with: nft delete table inet %s",
			ErrForeignTable, k.cfg.Table, k.cfg.Table)
	}
	flags := table.Flags
	if k.flags != 0 && flags == k.flags&^nftables.TableFlagOwner && flags&nftables.TableFlagPersist != 0 {
		k.why = "its owner was gone"
		return tableOrphan, nil
	}
	if flags != k.flags {
		k.why = fmt.Sprintf("the table has the flags %#x", uint32(flags))
		return tableDamaged, nil
	}
	for _, want := range k.sets.all() {
		if why := compareSet(want, sets); why != "" {
			k.why = why
			return tableDamaged, nil
		}
	}
	k.present = k.present[:0]
	for _, c := range chains {
		if c.Table.Name == k.cfg.Table {
			k.present = append(k.present, c)
		}
	}
	why, err := k.compareChains(k.wide)
	if err == nil && why != "" && !k.wide {
		// One before us may have had blocks wider than a tuple.
		var notWide string
		if notWide, err = k.compareChains(true); err == nil && notWide == "" {
			why, k.wide = "", true
		}
	}
	if err != nil {
		return tableAbsent, err
	}
	if why != "" {
		k.why = why
		return tableChains, nil
	}
	// One for a hook that is no longer configured, or somebody else's, which may
	// stop what nobody blocks.
	known := newChains(k.cfg, k.table, k.counting, k.wide)
	for _, c := range k.present {
		if !slices.ContainsFunc(known, func(r chainRules) bool { return r.Name == c.Name }) {
			k.why = fmt.Sprintf("the chain %s is not one of ours", c.Name)
			return tableChains, nil
		}
	}
	if k.guarded {
		differ, err := k.guardsDiffer()
		if err != nil {
			return tableAbsent, err
		}
		if differ {
			k.why = "the protected addresses in it were others"
			return tableGuards, nil
		}
	}
	return tableTouched, nil
}

func compareSet(want *nftables.Set, sets []*nftables.Set) (why string) {
	for _, s := range sets {
		if s.Name != want.Name {
			continue
		}
		switch {
		case s.Comment != want.Comment:
			return fmt.Sprintf("the set %s is of another version (%s, not %s)", s.Name, s.Comment, want.Comment)
		case s.KeyType.Name != want.KeyType.Name || s.KeyType.Bytes != want.KeyType.Bytes || s.Size < want.Size ||
			s.Timeout != want.Timeout || s.HasTimeout != want.HasTimeout || s.IsMap || s.Interval != want.Interval || s.Constant || s.Dynamic:
			return fmt.Sprintf("the set %s is another one", s.Name)
		}
		return ""
	}
	return fmt.Sprintf("the set %s was gone", want.Name)
}

func findChain(chains []*nftables.Chain, table, name string) *nftables.Chain {
	for _, c := range chains {
		if c.Name == name && c.Table.Name == table && c.Table.Family == nftables.TableFamilyINet {
			return c
		}
	}
	return nil
}

// compareChains tells what is wrong with the chains that look found.
func (k *kernel) compareChains(wide bool) (why string, err error) {
	for _, want := range newChains(k.cfg, k.table, k.counting, wide) {
		if why, err = k.compareChain(want, k.present); err != nil || why != "" {
			return why, err
		}
	}
	return "", nil
}

func (k *kernel) compareChain(want chainRules, chains []*nftables.Chain) (why string, err error) {
	got := findChain(chains, k.cfg.Table, want.Name)
	if got == nil {
		return fmt.Sprintf("the chain %s was gone", want.Name), nil
	}
	if describeChain(got) != describeChain(want.Chain) {
		return fmt.Sprintf("the chain %s is another one (%s, not %s)", want.Name, describeChain(got), describeChain(want.Chain)), nil
	}
	var rules []*nftables.Rule
	err = k.read("listing rules", func(c *nftables.Conn) (err error) {
		rules, err = c.GetRules(k.table, want.Chain)
		return err
	})
	if err != nil {
		return "", err
	}
	if len(rules) != len(want.rules) {
		return fmt.Sprintf("the chain %s has %d rules, not %d", want.Name, len(rules), len(want.rules)), nil
	}
	for i := range rules {
		if describeRule(rules[i].Exprs) != describeRule(want.rules[i]) {
			return fmt.Sprintf("rule %d of the chain %s is another one", i+1, want.Name), nil
		}
	}
	return "", nil
}

func describeChain(c *nftables.Chain) string {
	if c.Hooknum == nil || c.Priority == nil || c.Policy == nil {
		return "no base chain"
	}
	return fmt.Sprintf("%s hook %d priority %d policy %d", c.Type, *c.Hooknum, *c.Priority, *c.Policy)
}

// describeRule writes expressions so that equal rules have equal texts, counted
// packets aside.
func describeRule(exprs []expr.Any) string {
	var b strings.Builder
	for _, e := range exprs {
		switch e := e.(type) {
		case *expr.Counter:
			b.WriteString("counter;")
		case *expr.Lookup:
			same := *e
			same.SetID = 0 // of the transaction
			fmt.Fprintf(&b, "%T%+v;", e, same)
		default:
			fmt.Fprintf(&b, "%T%+v;", e, e)
		}
	}
	return b.String()
}
