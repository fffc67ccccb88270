package enforce

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/mdlayher/netlink"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// eventBuffer is how many bytes of events may wait to be read: some ten thousand
// elements of others.
const eventBuffer = 8 << 20

// events is a socket on which the kernel tells of every change of any ruleset.
// What our own writer does is filtered out by the kernel.
//
// One goroutine waits for it to become readable and wakes the one that checks;
// that one reads, so that after a check nothing that happened before it is
// unread.
type events struct {
	conn  *netlink.Conn
	table string
	buf   []byte
	found noticed

	// read tells the goroutine that waits that it may wait again; done that it
	// is to end.
	read chan struct{}
	done chan struct{}
	once sync.Once
	// lost tells that the one who waits was told of an overrun: the kernel tells
	// only once.
	lost atomic.Bool
}

// listenEvents opens the socket. wake is called where there is something to read.
func listenEvents(netns int, table string, buffer int, writer uint32, wake func()) (*events, error) {
	if buffer == 0 {
		buffer = eventBuffer
	}
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: netns})
	if err != nil {
		return nil, fmt.Errorf("opening nftables for events: %w", explain(err))
	}
	ev := &events{
		conn: conn, table: table, buf: make([]byte, 64<<10), read: make(chan struct{}, 1), done: make(chan struct{}),
	}
	err = conn.SetReadBuffer(buffer)
	if err == nil {
		err = ev.ignore(writer)
	}
	if err == nil {
		err = conn.JoinGroup(unix.NFNLGRP_NFTABLES)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("listening to nftables: %w", explain(err))
	}
	go ev.wait(wake)
	return ev, nil
}

// ignore makes the kernel leave out what a socket of ours does: it says in each
// message who wrote.
func (ev *events) ignore(writer uint32) error {
	const portID = 12 // in a netlink header
	// Filters read numbers as the network writes them.
	swapped := binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, writer))
	filter, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: portID, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: swapped, SkipFalse: 1},
		bpf.RetConstant{Val: 0},
		bpf.RetConstant{Val: 0xffffffff},
	})
	if err != nil {
		return err
	}
	return ev.conn.SetBPF(filter)
}

// wait wakes whoever checks, once for all that is there to read.
func (ev *events) wait(wake func()) {
	raw, err := ev.conn.SyscallConn()
	if err != nil {
		return
	}
	peek := make([]byte, 1)
	for {
		err := raw.Read(func(fd uintptr) bool {
			_, _, err := unix.Recvfrom(int(fd), peek, unix.MSG_PEEK|unix.MSG_DONTWAIT)
			if errors.Is(err, unix.ENOBUFS) {
				ev.lost.Store(true)
			}
			return !errors.Is(err, unix.EAGAIN)
		})
		if err != nil {
			return // closed
		}
		wake()
		select {
		case <-ev.read:
		case <-ev.done:
			return
		}
	}
}

func (ev *events) close() error {
	ev.once.Do(func() { close(ev.done) })
	return ev.conn.Close()
}

// drain reads all that is there.
func (ev *events) drain() (noticed, error) {
	raw, err := ev.conn.SyscallConn()
	if err != nil {
		return noticed{overrun: true}, err
	}
	var failure error
	// Not raw.Read: the goroutine that waits is in there.
	err = raw.Control(func(fd uintptr) {
		for {
			n, _, err := unix.Recvfrom(int(fd), ev.buf, unix.MSG_DONTWAIT)
			switch {
			case err == nil:
				ev.found.parse(ev.buf[:n], ev.table)
			case errors.Is(err, unix.ENOBUFS):
				ev.found.overrun = true
			case errors.Is(err, unix.EINTR):
			case errors.Is(err, unix.EAGAIN):
				return
			default:
				failure = err
				return
			}
		}
	})
	found := ev.found
	ev.found = noticed{}
	if ev.lost.Swap(false) {
		found.overrun = true
	}
	if err = errors.Join(err, failure); err != nil {
		found.overrun = true
	}
	select {
	case ev.read <- struct{}{}:
	default:
	}
	return found, err
}

// parse reads a datagram of events. What is not about elements of our table is
// left to the comparison of the table, which the same event has set off.
func (n *noticed) parse(buf []byte, table string) {
	for len(buf) >= unix.NLMSG_HDRLEN {
		size := int(binary.NativeEndian.Uint32(buf))
		if size < unix.NLMSG_HDRLEN || size > len(buf) {
			n.overrun = true
			return
		}
		switch binary.NativeEndian.Uint16(buf[4:]) {
		case msgDelTable, msgDelSet:
			if size > headerSize && buf[unix.NLMSG_HDRLEN] == unix.NFPROTO_INET {
				n.remade = n.remade || tableOf(buf[headerSize:size]) == table
			}
		case msgNewElements, msgDelElements:
			if size > headerSize && buf[unix.NLMSG_HDRLEN] == unix.NFPROTO_INET {
				n.elements(buf[headerSize:size], table)
			}
		}
		buf = buf[min((size+3)&^3, len(buf)):]
	}
}

const (
	msgDelTable = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELTABLE
	msgDelSet   = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_DELSET
)

// tableOf gives the name of the table that a message about a table or a set is of.
func tableOf(b []byte) string {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return ""
	}
	for ad.Next() {
		if ad.Type() == unix.NFTA_TABLE_NAME { // as NFTA_SET_TABLE
			return ad.String()
		}
	}
	return ""
}

// elements reads a list of elements.
func (n *noticed) elements(b []byte, table string) {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		n.overrun = true
		return
	}
	kind, ours := setKind(setKinds), false
	for ad.Next() {
		switch ad.Type() {
		case unix.NFTA_SET_ELEM_LIST_TABLE:
			ours = ad.String() == table
		case unix.NFTA_SET_ELEM_LIST_SET:
			kind = setNamed(ad.String())
		case unix.NFTA_SET_ELEM_LIST_ELEMENTS:
			if !ours || kind == setKinds {
				break
			}
			ad.Nested(func(list *netlink.AttributeDecoder) error {
				for list.Next() {
					list.Nested(func(el *netlink.AttributeDecoder) error { return n.element(el, kind) })
				}
				return nil
			})
		}
	}
	if ad.Err() != nil {
		n.overrun = true
	}
}

func (n *noticed) element(el *netlink.AttributeDecoder, kind setKind) error {
	for el.Next() {
		if el.Type() != unix.NFTA_SET_ELEM_KEY {
			continue
		}
		el.Nested(func(data *netlink.AttributeDecoder) error {
			for data.Next() {
				if data.Type() != unix.NFTA_DATA_VALUE {
					continue
				}
				k, err := keyFrom(kind, data.Bytes())
				if err != nil {
					return err
				}
				if len(n.keys) >= maxNoticed {
					n.overrun = true
				} else {
					n.keys = append(n.keys, k)
				}
			}
			return nil
		})
	}
	return nil
}

// setNamed gives the kind of a set of blocks, setKinds where it is none.
func setNamed(name string) setKind {
	for kind := range setKind(setKinds) {
		if kind.String() == name {
			return kind
		}
	}
	return setKinds
}

// listen begins to listen to what others do.
func (k *kernel) listen(buffer int, wake func()) error {
	k.relisten = func() (err error) {
		if k.events != nil {
			_ = k.events.close()
			k.events = nil
		}
		k.events, err = listenEvents(k.netns, k.cfg.Table, buffer, k.writer.nl.PID(), wake)
		return err
	}
	return k.relisten()
}

func (k *kernel) listening() bool { return k.events != nil }

// notice gives what others did since it was called last.
func (k *kernel) notice() noticed {
	if k.relisten == nil {
		return noticed{}
	}
	if k.events == nil {
		_ = k.relisten() // until it succeeds, all is doubted
		return noticed{overrun: true}
	}
	n, err := k.events.drain()
	if err != nil {
		_ = k.events.close()
		k.events = nil
	}
	return n
}
