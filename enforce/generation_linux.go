package enforce

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// askGeneration is the question for the generation of the ruleset.
var askGeneration = func() []byte {
	b := make([]byte, headerSize) // family, version and resource: none
	binary.NativeEndian.PutUint32(b, headerSize)
	binary.NativeEndian.PutUint16(b[4:], unix.NFNL_SUBSYS_NFTABLES<<8|unix.NFT_MSG_GETGEN)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST)
	return b
}()

// generation asks for the number of the ruleset. It is asked before and after every
// transaction: the library takes kilobytes for each answer, and what has to be
// collected makes blocks wait.
func (l *link) generation() (uint32, error) {
	n, err := l.ask(l.answer[:])
	if err != nil {
		return 0, err
	}
	return readGeneration(l.answer[:n])
}

// enlargeAnswers makes the kernel pack answers to a dump into large messages:
// it goes by the largest buffer that was offered so far. Without it, listing a
// set takes time by the square of its size.
func (l *link) enlargeAnswers() error {
	_, err := l.ask(make([]byte, 64<<10))
	return err
}

// ask asks for the generation and gives the size of the answer in buf.
func (l *link) ask(buf []byte) (n int, err error) {
	raw, err := l.nl.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failure error
	err = raw.Write(func(fd uintptr) bool {
		failure = unix.Sendto(int(fd), askGeneration, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		return !errors.Is(failure, unix.EAGAIN)
	})
	if err := errors.Join(err, failure); err != nil {
		return 0, fmt.Errorf("sending: %w", err)
	}
	err = raw.Read(func(fd uintptr) bool {
		n, _, failure = unix.Recvfrom(int(fd), buf, 0)
		return !errors.Is(failure, unix.EAGAIN)
	})
	if err := errors.Join(err, failure); err != nil {
		return 0, fmt.Errorf("receiving: %w", err)
	}
	return n, nil
}

// readGeneration reads the kernel's answer. An error of the kernel is a [unix.Errno];
// any other says that it is not understood.
func readGeneration(b []byte) (uint32, error) {
	if len(b) < headerSize {
		return 0, errors.New("the answer for the generation is too short")
	}
	size := int(binary.NativeEndian.Uint32(b))
	if size < headerSize || size > len(b) {
		return 0, errors.New("the answer for the generation has an impossible length")
	}
	switch kind := binary.NativeEndian.Uint16(b[4:]); kind {
	case unix.NLMSG_ERROR:
		return 0, unix.Errno(-int32(binary.NativeEndian.Uint32(b[unix.NLMSG_HDRLEN:])))
	case unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWGEN:
	default:
		return 0, fmt.Errorf("the answer for the generation is of kind %#x", kind)
	}
	for b = b[headerSize:size]; len(b) >= unix.SizeofNlAttr; {
		length, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if length < unix.SizeofNlAttr || length > len(b) {
			break
		}
		if kind == unix.NFTA_GEN_ID && length >= unix.SizeofNlAttr+4 {
			return binary.BigEndian.Uint32(b[unix.SizeofNlAttr:]), nil
		}
		b = b[min((length+3)&^3, len(b)):]
	}
	return 0, errors.New("the answer for the generation has none")
}
