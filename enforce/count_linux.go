package enforce

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"

	"slips-ips/policy"
)

// Counts gives what all blocks together have hit since the table was made: in
// dry-run with [enforce] count what they would have hit. It asks the kernel.
func (e *Enforcer) Counts() (Counts, error) {
	e.op.Lock()
	defer e.op.Unlock()
	switch {
	case e.isClosed():
		return Counts{}, ErrClosed
	case e.kernel == nil || e.Paused():
		return Counts{}, ErrNotCounted
	}
	var total Counts
	for _, name := range []string{chainDropped, chainRejected} {
		var rules []*nftables.Rule
		err := e.kernel.read("reading counters", func(c *nftables.Conn) (err error) {
			rules, err = c.GetRules(e.kernel.table, &nftables.Chain{Table: e.kernel.table, Name: name})
			return err
		})
		if err != nil {
			return Counts{}, err
		}
		for _, rule := range rules {
			for _, ex := range rule.Exprs {
				if counter, ok := ex.(*expr.Counter); ok {
					total.Packets += counter.Packets
					total.Bytes += counter.Bytes
				}
			}
		}
	}
	return total, nil
}

// CountOf gives what one block has hit since it was put in force or renewed.
func (e *Enforcer) CountOf(b policy.Block) (Counts, error) {
	k, err := keyFor(b, e.cfg.IPv6Prefix)
	if err != nil {
		return Counts{}, err
	}
	e.op.Lock()
	defer e.op.Unlock()
	switch {
	case e.isClosed():
		return Counts{}, ErrClosed
	case e.kernel == nil || e.Paused():
		return Counts{}, ErrNotCounted
	}
	var found []nftables.SetElement
	err = e.kernel.read("reading a counter", func(c *nftables.Conn) (err error) {
		found, err = c.FindSetElements(e.kernel.sets.blocks[k.set], setKeys([]key{k}, k.set))
		return err
	})
	if err != nil {
		return Counts{}, fmt.Errorf("counting what %s hit: %w", b.Tuple, err)
	}
	for _, el := range found {
		if el.Counter != nil {
			return Counts{Packets: el.Counter.Packets, Bytes: el.Counter.Bytes}, nil
		}
	}
	return Counts{}, nil
}
