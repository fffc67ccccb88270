package main

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"time"
)

// Protocols of the packets.
const (
	protoICMP = 1
	protoTCP  = 6
	protoUDP  = 17
)

// Flags of TCP.
const (
	fin = 1 << iota
	syn
	rst
	psh
	ack
)

// host is an address of IPv4, or of IPv6 where six is set.
type host struct {
	addr [16]byte
	six  bool
}

func v4(a, b, c, d byte) host { return host{addr: [16]byte{a, b, c, d}} }

// v6 is an address in the prefix for documentation, in the network net.
func v6(net uint16, n uint32) host {
	h := host{addr: [16]byte{0x20, 0x01, 0x0d, 0xb8}, six: true}
	binary.BigEndian.PutUint16(h.addr[4:], net)
	binary.BigEndian.PutUint32(h.addr[12:], n)
	return h
}

// packet is one packet; size is that of its payload.
type packet struct {
	src, dst     host
	proto        byte
	sport, dport uint16 // for ICMP type and code, and the number of the request
	seq, ack     uint32
	flags        byte
	size         int
}

// pcapWriter writes a capture of Ethernet frames: of each the headers, as with a
// short snaplen, so that hours of traffic fit through a pipe.
type pcapWriter struct {
	w io.Writer
	b []byte
}

func newPcapWriter(w io.Writer) (*pcapWriter, error) {
	p := &pcapWriter{w: w}
	b := make([]byte, 0, 24)
	for _, v := range []uint32{0xa1b2c3d4, 2<<16 | 4, 0, 0, 65535, 1} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	_, err := w.Write(b)
	return p, err
}

var (
	macInside  = []byte{2, 0, 0, 0, 1, 1}
	macOutside = []byte{2, 0, 0, 0, 1, 2}
)

// write adds a packet, at microseconds since 1970.
func (p *pcapWriter) write(at int64, k *packet) error {
	const record = 16
	b := append(p.b[:0], make([]byte, record)...)
	b = append(append(b, macOutside...), macInside...)
	transport := 8
	if k.proto == protoTCP {
		transport = 20
	}
	if k.src.six {
		b = binary.BigEndian.AppendUint16(b, 0x86dd)
		b = binary.BigEndian.AppendUint32(b, 6<<28)
		b = binary.BigEndian.AppendUint16(b, uint16(transport+k.size))
		b = append(b, k.proto, 64)
		b = append(append(b, k.src.addr[:]...), k.dst.addr[:]...)
	} else {
		b = binary.BigEndian.AppendUint16(b, 0x0800)
		ip := len(b)
		b = append(b, 0x45, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(20+transport+k.size))
		b = append(b, 0, 0, 0x40, 0, 64, k.proto, 0, 0)
		b = append(append(b, k.src.addr[:4]...), k.dst.addr[:4]...)
		binary.BigEndian.PutUint16(b[ip+10:], checksum(b[ip:]))
	}
	headers := len(b) - record + transport
	switch k.proto {
	case protoTCP:
		b = binary.BigEndian.AppendUint16(b, k.sport)
		b = binary.BigEndian.AppendUint16(b, k.dport)
		b = binary.BigEndian.AppendUint32(b, k.seq)
		b = binary.BigEndian.AppendUint32(b, k.ack)
		b = append(b, 5<<4, k.flags, 0x20, 0, 0, 0, 0, 0)
	case protoUDP:
		b = binary.BigEndian.AppendUint16(b, k.sport)
		b = binary.BigEndian.AppendUint16(b, k.dport)
		b = binary.BigEndian.AppendUint16(b, uint16(8+k.size))
		b = append(b, 0, 0)
		// Argus looks into DNS: a header with the number of the question.
		b = binary.BigEndian.AppendUint16(b, max(k.sport, k.dport))
		b = append(b, k.flags, 0, 0, 1, 0, 0, 0, 0, 0, 0)
	case protoICMP:
		b = append(b, byte(k.sport>>8), byte(k.sport), 0, 0)
		b = binary.BigEndian.AppendUint16(b, k.dport)
		b = binary.BigEndian.AppendUint16(b, uint16(k.seq))
	}
	captured := len(b) - record
	whole := max(headers+k.size, 60)
	binary.BigEndian.PutUint32(b, uint32(at/1e6))
	binary.BigEndian.PutUint32(b[4:], uint32(at%1e6))
	binary.BigEndian.PutUint32(b[8:], uint32(captured))
	binary.BigEndian.PutUint32(b[12:], uint32(max(whole, captured)))
	p.b = b
	_, err := p.w.Write(b)
	return err
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

// spread gives a time around d, half of it to one and a half.
func spread(r *rand.Rand, d time.Duration) int64 {
	us := d.Microseconds()
	return us/2 + r.Int64N(us+1)
}
