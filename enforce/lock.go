package enforce

import "net"

// lock makes this process the only enforcer of a table, until it is closed or the
// process ends.
type lock struct {
	listener net.Listener
	// intruder says who holds the name of the lock without being an agent; empty:
	// nobody does.
	intruder string
}

// Close gives the lock back. The nil lock is none.
func (l *lock) Close() error {
	if l == nil {
		return nil
	}
	return l.listener.Close()
}

// Intruder says who holds the name by which agents keep out of each other's table
// without being one; empty: nobody does. It keeps nobody from enforcing.
func (e *Enforcer) Intruder() string {
	if e.lock == nil {
		return ""
	}
	return e.lock.intruder
}
