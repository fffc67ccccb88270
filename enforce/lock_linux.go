package enforce

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// lockTable makes this process the only enforcer of a table. The lock is a listening
// socket with an abstract name: it belongs to the network namespace, as the table
// does, and is gone with the process however that ends (unix(7)).
//
// Every user may take such a name. One that is not an agent keeps none from its work:
// then the lock has a name that nobody can know before. So whoever has the lock looks
// whether another agent has one with such a name, too.
func lockTable(table string) (*lock, error) {
	name := "@slips-ips/enforce/" + table
	taken := func(h holder) error {
		return fmt.Errorf("%w inet %s (%s); stop it, or set [enforce] table to another name", ErrInUse, table, h)
	}
	l := &lock{}
	var err error
	own := name
	for n := 0; ; n++ {
		l.listener, err = net.Listen("unix", own)
		if !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
		h, err := holderOf(name)
		switch {
		case err == nil && h.agent:
			return nil, taken(h)
		case err == nil:
			l.intruder = h.String()
			own = name + "/" + rand.Text()
		case n == lookAgain: // it comes and goes
			return nil, fmt.Errorf("enforce: finding out who enforces the table inet %s: %w", table, err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("enforce: locking the table inet %s: %w", table, err)
	}
	go hangUp(l.listener)
	others, err := listening(name + "/")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("enforce: finding out who enforces the table inet %s: %w", table, err), l.Close())
	}
	for _, other := range others {
		if other == own {
			continue
		}
		if h, err := holderOf(other); err == nil && h.agent {
			return nil, errors.Join(taken(h), l.Close())
		}
	}
	return l, nil
}

// hangUp takes connections and ends them, so that who holds the lock can always be
// found out by connecting.
func hangUp(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			_ = c.Close()
		case errors.Is(err, net.ErrClosed):
			return
		default: // no descriptor is free
			time.Sleep(time.Second)
		}
	}
}

// listening gives the abstract names with a prefix at which somebody in this network
// namespace listens.
func listening(prefix string) (names []string, err error) {
	f, err := os.Open("/proc/thread-self/net/unix")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	const accepting = 0x10000 // __SO_ACCEPTCON
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// Num RefCount Protocol Flags Type St Inode Path
		var flags uint64
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || !strings.HasPrefix(fields[7], prefix) {
			continue
		}
		if _, err := fmt.Sscanf(fields[3], "%x", &flags); err == nil && flags&accepting != 0 {
			names = append(names, fields[7])
		}
	}
	return names, lines.Err()
}
