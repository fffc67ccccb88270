package argusfeed

import (
	"context"
	"fmt"
	"net"
	"os/user"
	"strconv"
	"time"
)

// ownerWait is how long the other end may take to accept a connection: until then
// the kernel does not know whose it is. Argus looks for new ones ten times a second.
const ownerWait = 3 * time.Second

// ownerPoll is how often that is asked.
const ownerPoll = 20 * time.Millisecond

// checkOwner makes sure that the program at the other end of a connection within
// this machine runs as that user. Any program may listen on a port above 1023 while
// argus is away, and what it says leads to blocks.
func checkOwner(ctx context.Context, conn net.Conn, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return fmt.Errorf("finding the user %q of the source: %w", name, err)
	}
	want, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return fmt.Errorf("finding the user %q of the source: its number is %q", name, u.Uid)
	}
	poll := time.NewTicker(ownerPoll)
	defer poll.Stop()
	late := time.NewTimer(ownerWait)
	defer late.Stop()
	for {
		got, err := owner(conn)
		switch {
		case err != nil:
			return fmt.Errorf("%s: asking the kernel whose program answers: %w", conn.RemoteAddr(), err)
		case uint64(got) == want:
			return nil
		case got != 0: // 0: not accepted yet, or root's
			return fmt.Errorf("%s: a program of another user (%d) answers, not of %s: see what listens there (ss -ltnp)", conn.RemoteAddr(), got, name)
		}
		select {
		case <-poll.C:
		case <-ctx.Done():
			return errStopped
		case <-late.C:
			return fmt.Errorf("%s: nobody's or root's program answers, not one of %s: see what listens there (ss -ltnp)", conn.RemoteAddr(), name)
		}
	}
}
