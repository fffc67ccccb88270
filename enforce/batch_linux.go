package enforce

import (
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// batch is one transaction of elements as bytes. The library writes the same,
// but cannot ask for an acknowledgement nor refuse what is there already
// (NLM_F_EXCL), and takes several times as long, which counts for 100,000 blocks.
type batch struct {
	table string
	buf   []byte
	seq   uint32
}

// headerSize is that of a netlink message and of what nftables has in front.
const headerSize = unix.NLMSG_HDRLEN + 4

// attrLimit is where a list of elements is continued in another message: the
// length of an attribute has sixteen bits.
const attrLimit = 60_000

const (
	msgNewElements = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWSETELEM
	msgDelElements = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELSETELEM
)

// begin starts a transaction on the ruleset of a generation; 0 is any.
func (b *batch) begin(generation uint32) {
	b.buf, b.seq = b.buf[:0], 0
	at := b.open(unix.NFNL_MSG_BATCH_BEGIN, 0)
	binary.BigEndian.PutUint16(b.buf[at+unix.NLMSG_HDRLEN+2:], unix.NFNL_SUBSYS_NFTABLES)
	if generation != 0 {
		b.attr(unix.NFNL_BATCH_GENID, binary.BigEndian.AppendUint32(nil, generation))
	}
	b.close(at)
}

// end completes the transaction and asks for an acknowledgement of its last
// message: the kernel sends it after it has committed all of them.
func (b *batch) end(last int) {
	flags := b.buf[last+6:]
	binary.NativeEndian.PutUint16(flags, binary.NativeEndian.Uint16(flags)|unix.NLM_F_ACK)
	at := b.open(unix.NFNL_MSG_BATCH_END, 0)
	binary.BigEndian.PutUint16(b.buf[at+unix.NLMSG_HDRLEN+2:], unix.NFNL_SUBSYS_NFTABLES)
	b.close(at)
}

// open begins a message and tells where.
func (b *batch) open(kind, flags uint16) int {
	at := len(b.buf)
	b.seq++
	b.buf = append(b.buf, make([]byte, headerSize)...)
	h := b.buf[at:]
	binary.NativeEndian.PutUint16(h[4:], kind)
	binary.NativeEndian.PutUint16(h[6:], flags|unix.NLM_F_REQUEST)
	binary.NativeEndian.PutUint32(h[8:], b.seq)
	return at
}

func (b *batch) close(at int) {
	binary.NativeEndian.PutUint32(b.buf[at:], uint32(len(b.buf)-at))
}

func (b *batch) attr(kind uint16, value []byte) {
	at := b.nest(kind)
	b.buf = append(b.buf, value...)
	b.unnest(at)
}

func (b *batch) text(kind uint16, value string) {
	at := b.nest(kind)
	b.buf = append(append(b.buf, value...), 0)
	b.unnest(at)
}

func (b *batch) nest(kind uint16) int {
	at := len(b.buf)
	b.buf = append(b.buf, 0, 0, 0, 0)
	binary.NativeEndian.PutUint16(b.buf[at+2:], kind)
	return at
}

func (b *batch) unnest(at int) {
	binary.NativeEndian.PutUint16(b.buf[at:], uint16(len(b.buf)-at))
	for len(b.buf)%unix.NLA_ALIGNTO != 0 {
		b.buf = append(b.buf, 0)
	}
}

// elements writes those of elems that are chosen, in one message or more, and
// tells where the last one begins; before where there is none.
func (b *batch) elements(kind, flags uint16, set string, elems []element, chosen func(*element) bool, before int) int {
	at, list := -1, 0
	for i := range elems {
		el := &elems[i]
		if !chosen(el) {
			continue
		}
		if at >= 0 && len(b.buf)-list > attrLimit {
			b.unnest(list)
			b.close(at)
			at = -1
		}
		if at < 0 {
			at = b.open(kind, flags)
			b.buf[at+unix.NLMSG_HDRLEN] = unix.NFPROTO_INET
			b.text(unix.NFTA_SET_ELEM_LIST_TABLE, b.table)
			b.text(unix.NFTA_SET_ELEM_LIST_SET, set)
			list = b.nest(unix.NFTA_SET_ELEM_LIST_ELEMENTS | unix.NLA_F_NESTED)
		}
		b.element(el, kind == msgNewElements)
	}
	if at < 0 {
		return before
	}
	b.unnest(list)
	b.close(at)
	return at
}

func (b *batch) element(el *element, whole bool) {
	at := b.nest(unix.NFTA_LIST_ELEM | unix.NLA_F_NESTED)
	key := b.nest(unix.NFTA_SET_ELEM_KEY | unix.NLA_F_NESTED)
	b.attr(unix.NFTA_DATA_VALUE, el.key.bytes())
	b.unnest(key)
	if whole {
		timeout := b.nest(unix.NFTA_SET_ELEM_TIMEOUT)
		b.buf = binary.BigEndian.AppendUint64(b.buf, uint64(el.timeout.Milliseconds()))
		b.unnest(timeout)
		if el.comment != "" {
			data := b.nest(unix.NFTA_SET_ELEM_USERDATA)
			b.buf = append(b.buf, 0, byte(len(el.comment)+1)) // 0: a comment
			b.buf = append(append(b.buf, el.comment...), 0)
			b.unnest(data)
		}
	}
	b.unnest(at)
}

// errNoAnswer is not a failure of the transaction: nobody knows.
var errNoAnswer = errors.New("the kernel did not acknowledge the transaction")

// send sends the transaction and gives the first error of the kernel. It
// succeeds only where the kernel acknowledged the last message.
func (l *link) send(b *batch) error {
	raw, err := l.nl.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	err = raw.Write(func(fd uintptr) bool {
		failure = unix.Sendto(int(fd), b.buf, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
		return !errors.Is(failure, unix.EAGAIN)
	})
	if err := errors.Join(err, failure); err != nil {
		return fmt.Errorf("sending: %w", err)
	}
	// The kernel works while we send: all answers are there already.
	var acknowledged bool
	answer := func(fd uintptr) bool {
		for {
			n, _, err := unix.Recvfrom(int(fd), l.answer[:], unix.MSG_DONTWAIT)
			if err != nil {
				if !errors.Is(err, unix.EAGAIN) && failure == nil {
					failure = err
				}
				return true
			}
			ack, err := readAnswers(l.answer[:n], b.seq-1)
			acknowledged = acknowledged || ack
			if err != nil && failure == nil {
				failure = err
			}
		}
	}
	if err := raw.Read(answer); err != nil {
		return fmt.Errorf("receiving: %w", err)
	}
	switch {
	case failure != nil:
		return fmt.Errorf("receiving: %w", failure)
	case !acknowledged:
		return errNoAnswer
	}
	return nil
}

// readAnswers reads a datagram of answers: whether the message of sequence
// number seq is acknowledged in it, and the first error.
func readAnswers(buf []byte, seq uint32) (acknowledged bool, failure error) {
	for len(buf) >= unix.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(buf))
		if size < unix.NLMSG_HDRLEN || size > len(buf) {
			return acknowledged, errors.Join(failure, errors.New("a message of the kernel has an impossible length"))
		}
		if binary.NativeEndian.Uint16(buf[4:]) == unix.NLMSG_ERROR && size >= unix.NLMSG_HDRLEN+4 {
			errno := -int32(binary.NativeEndian.Uint32(buf[unix.NLMSG_HDRLEN:]))
			switch {
			case errno == 0:
				acknowledged = acknowledged || binary.NativeEndian.Uint32(buf[8:]) == seq
			case failure == nil:
				failure = unix.Errno(errno)
			}
		}
		buf = buf[min((size+3)&^3, len(buf)):]
	}
	return acknowledged, failure
}
