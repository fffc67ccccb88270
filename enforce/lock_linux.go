package enforce

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// lockTable makes this process the only enforcer of a table. The lock is a
// socket with an abstract name: it belongs to the network namespace, as the
// table does, and is gone with the process however that ends (unix(7)).
func lockTable(table string) (net.Listener, error) {
	l, err := net.Listen("unix", "@slips-ips/enforce/"+table)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%w inet %s; stop it, or set [enforce] table to another name", ErrInUse, table)
	}
	if err != nil {
		return nil, fmt.Errorf("enforce: locking the table inet %s: %w", table, err)
	}
	return l, nil
}
