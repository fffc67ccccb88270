package enforce

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// link is a lasting connection to nftables. A connection for each transaction
// would make every deletion wait some 15 ms for the kernel's clean-up.
type link struct {
	*nftables.Conn
	nl     *netlink.Conn
	answer [8 << 10]byte // of the transactions that are sent without the library
}

const (
	// A transaction larger than the write buffer is refused. Memory is taken
	// only for what is sent.
	writeBuffer = 64 << 20
	// Each element of an answer is a message of its own.
	readBuffer = 8 << 20
	// maxDescriptor is the first file descriptor on which the library panics.
	maxDescriptor = 1024
	// answerTime bounds every question: an answer that never comes must not
	// stop the agent.
	answerTime = 10 * time.Second
)

// openLink connects to nftables in a network namespace; 0 is the program's own.
func openLink(netns int) (*link, error) {
	l := &link{}
	setup := func(c *netlink.Conn) error {
		l.nl = c
		if err := checkDescriptor(c); err != nil {
			return err
		}
		if err := c.SetWriteBuffer(writeBuffer); err != nil {
			return fmt.Errorf("enlarging the write buffer: %w", err)
		}
		if err := c.SetReadBuffer(readBuffer); err != nil {
			return fmt.Errorf("enlarging the read buffer: %w", err)
		}
		// Errors come without the message that they are about.
		if err := c.SetOption(netlink.CapAcknowledge, true); err != nil {
			return fmt.Errorf("asking for short errors: %w", err)
		}
		return nil
	}
	options := []nftables.ConnOption{nftables.AsLasting(), nftables.WithSockOptions(setup)}
	if netns > 0 {
		options = append(options, nftables.WithNetNSFd(netns))
	}
	conn, err := nftables.New(options...)
	if err != nil {
		if l.nl != nil {
			_ = l.nl.Close()
		}
		return nil, fmt.Errorf("opening nftables: %w", explain(err))
	}
	l.Conn = conn
	return l, nil
}

func checkDescriptor(c *netlink.Conn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var number uintptr
	if err := raw.Control(func(fd uintptr) { number = fd }); err != nil {
		return err
	}
	if number >= maxDescriptor {
		return fmt.Errorf("the program has too many open files: descriptor %d, and nftables needs one below %d", number, maxDescriptor)
	}
	return nil
}

// transient tells whether the same request may succeed in a moment.
func transient(err error) bool {
	for _, errno := range []error{unix.EINTR, unix.ENOBUFS, unix.EAGAIN, unix.EBUSY, os.ErrDeadlineExceeded} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// spoilt tells whether answers may be left in the connection after err.
func spoilt(err error) bool {
	var errno unix.Errno
	return errors.Is(err, unix.ENOBUFS) || !errors.As(err, &errno)
}

// explain says what the admin can do.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("%w (root or the capability CAP_NET_ADMIN is needed, in systemd AmbientCapabilities=CAP_NET_ADMIN)", err)
	case errors.Is(err, unix.EPROTONOSUPPORT), errors.Is(err, unix.EAFNOSUPPORT):
		return fmt.Errorf("%w: %w (does the kernel have the module nf_tables?)", ErrUnsupported, err)
	}
	return err
}
