package enforce

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// own finds out which flags our table is to have.
func (k *kernel) own() error {
	if k.cfg.Ownership == OwnershipNone || k.counting {
		return nil
	}
	defer func() { k.table.Flags = k.flags }()
	both, err := k.accepts(nftables.TableFlagOwner | nftables.TableFlagPersist)
	if err != nil {
		return err
	}
	if both {
		k.flags = nftables.TableFlagOwner | nftables.TableFlagPersist
		return nil
	}
	if k.cfg.Ownership == OwnershipAuto {
		return nil
	}
	owner, err := k.accepts(nftables.TableFlagOwner)
	if err != nil {
		return err
	}
	if !owner {
		return fmt.Errorf("%w: the kernel has no table flag owner (5.12 has); use enforce.ownership = \"auto\" or \"none\"", ErrUnsupported)
	}
	k.flags = nftables.TableFlagOwner
	return nil
}

// accepts tells whether the kernel knows flags of tables, by making a table and
// removing it in one transaction.
func (k *kernel) accepts(flags nftables.TableFlags) (bool, error) {
	probe := &nftables.Table{Name: k.cfg.Table + "_probe", Family: nftables.TableFamilyINet, Flags: flags}
	err := k.on(&k.writer, "trying the table flags", func(c *nftables.Conn) error {
		c.AddTable(probe)
		c.DelTable(probe)
		return c.Flush()
	})
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		return false, nil
	}
	return err == nil, err
}

// claim makes us the owner of our table, whose owner is gone.
func (k *kernel) claim() error {
	return k.commit("claiming the table", func(c *nftables.Conn) { c.AddTable(k.table) })
}
