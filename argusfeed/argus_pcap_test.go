package argusfeed

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

// capture is a pcap file in the making: Ethernet frames with the times that the
// test gives them.
type capture struct {
	b   []byte
	now time.Time
	rnd *rand.Rand
	id  uint16
}

func newCapture(seed uint64) *capture {
	c := &capture{now: time.Unix(1700000000, 123456000), rnd: rand.New(rand.NewPCG(seed, seed))}
	for _, v := range []uint32{0xa1b2c3d4, 2<<16 | 4, 0, 0, 65535, 1} {
		c.b = binary.BigEndian.AppendUint32(c.b, v)
	}
	return c
}

func (c *capture) write(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, c.b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (c *capture) wait(d time.Duration) { c.now = c.now.Add(d) }

var (
	macA      = []byte{2, 0, 0, 0, 1, 1}
	macB      = []byte{2, 0, 0, 0, 1, 2}
	broadcast = []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

// frame adds an Ethernet frame.
func (c *capture) frame(dst, src []byte, etherType uint16, payload []byte) {
	f := append(append([]byte(nil), dst...), src...)
	f = append(binary.BigEndian.AppendUint16(f, etherType), payload...)
	for len(f) < 60 {
		f = append(f, 0)
	}
	c.b = append(c.b, be32(uint32(c.now.Unix()), uint32(c.now.Nanosecond()/1000), uint32(len(f)), uint32(len(f)))...)
	c.b = append(c.b, f...)
	c.wait(time.Duration(c.rnd.IntN(3000)) * time.Microsecond)
}

// ip is a packet without its payload.
type ip struct {
	src, dst string
	proto    byte
	tos      byte
	options  []byte // IPv4 options, or for IPv6 an extension header
	frag     uint16 // IPv4 flags and offset
	vlan     uint16
}

// back is the packet in the other direction.
func (p ip) back() ip {
	p.src, p.dst = p.dst, p.src
	return p
}

// packet adds a packet.
func (c *capture) packet(p ip, payload []byte) {
	src, dst := netip.MustParseAddr(p.src), netip.MustParseAddr(p.dst)
	etherType := uint16(0x0800)
	var b []byte
	if src.Is4() {
		head := 20 + len(p.options)
		c.id++
		b = []byte{0x40 | byte(head/4), p.tos}
		b = binary.BigEndian.AppendUint16(b, uint16(head+len(payload)))
		b = binary.BigEndian.AppendUint16(b, c.id)
		b = binary.BigEndian.AppendUint16(b, p.frag)
		b = append(b, 64, p.proto, 0, 0)
		b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
		b = append(b, p.options...)
		binary.BigEndian.PutUint16(b[10:], checksum(b))
	} else {
		etherType = 0x86dd
		b = be32(6<<28 | uint32(p.tos)<<20)
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.options)+len(payload)))
		next := p.proto
		if len(p.options) > 0 {
			next = 0 // hop by hop
			if p.frag != 0 {
				next = 44
			}
			p.options[0] = p.proto
		}
		b = append(b, next, 64)
		b = append(append(b, src.AsSlice()...), dst.AsSlice()...)
		b = append(b, p.options...)
	}
	b = append(b, payload...)
	if p.vlan != 0 {
		b = append([]byte{byte(p.vlan >> 8), byte(p.vlan), byte(etherType >> 8), byte(etherType)}, b...)
		etherType = 0x8100
	}
	from, to := macA, macB
	if strings.HasSuffix(p.src, "2") {
		from, to = to, from
	}
	c.frame(to, from, etherType, b)
}

func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i < len(b); i += 2 {
		sum += uint32(b[i])<<8 | uint32(b[i+1])
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// tcp plays a connection. Each word of the script is one packet: > from the
// source or < from the destination, flags of FSRPAUEC, and a size; or a time to
// wait. Sequence numbers go on as they should.
func (c *capture) tcp(p ip, sport, dport uint16, script string) {
	p.proto = 6
	seq := map[byte]uint32{'>': c.rnd.Uint32(), '<': c.rnd.Uint32()}
	other := map[byte]byte{'>': '<', '<': '>'}
	for _, w := range strings.Fields(script) {
		if d, err := time.ParseDuration(w); err == nil {
			c.wait(d)
			continue
		}
		side := w[0]
		var flags byte
		size := 0
		for i, r := range w[1:] {
			bit := strings.IndexRune("FSRPAUEC", r)
			if bit < 0 {
				fmt.Sscan(w[1+i:], &size)
				break
			}
			flags |= 1 << bit
		}
		q, from, to := p, sport, dport
		if side == '<' {
			q, from, to = p.back(), dport, sport
		}
		b := binary.BigEndian.AppendUint16(nil, from)
		b = binary.BigEndian.AppendUint16(b, to)
		b = append(b, be32(seq[side], seq[other[side]])...)
		b = append(b, 5<<4, flags, 0x20, 0, 0, 0, 0, 0)
		c.packet(q, append(b, make([]byte, size)...))
		seq[side] += uint32(size)
		if flags&(tcpSYN|tcpFIN) != 0 {
			seq[side]++
		}
	}
}

// udp plays an exchange: > and < with the sizes, or a time to wait.
func (c *capture) udp(p ip, sport, dport uint16, script string, payload ...byte) {
	p.proto = 17
	for _, w := range strings.Fields(script) {
		if d, err := time.ParseDuration(w); err == nil {
			c.wait(d)
			continue
		}
		size := 0
		fmt.Sscan(w[1:], &size)
		q, from, to := p, sport, dport
		if w[0] == '<' {
			q, from, to = p.back(), dport, sport
		}
		data := append(append([]byte(nil), payload...), make([]byte, max(0, size-len(payload)))...)
		b := binary.BigEndian.AppendUint16(nil, from)
		b = binary.BigEndian.AppendUint16(b, to)
		b = binary.BigEndian.AppendUint16(b, uint16(8+len(data)))
		c.packet(q, append(append(b, 0, 0), data...))
	}
}

// icmp adds an ICMP or ICMPv6 packet.
func (c *capture) icmp(p ip, typ, code byte, rest ...byte) {
	p.proto = 1
	if netip.MustParseAddr(p.src).Is6() {
		p.proto = 58
	}
	c.packet(p, append([]byte{typ, code, 0, 0}, rest...))
}

// arp adds a request or a reply, of ARP or RARP.
func (c *capture) arp(etherType uint16, op byte, src, dst string) {
	b := []byte{0, 1, 8, 0, 6, 4, 0, op}
	b = append(append(b, macA...), netip.MustParseAddr(src).AsSlice()...)
	b = append(append(b, macB...), netip.MustParseAddr(dst).AsSlice()...)
	to := broadcast
	if op%2 == 0 {
		to = macB
	}
	c.frame(to, macA, etherType, b)
}
