package lab

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"
)

// Conversation is a plan between two hosts.
type Conversation struct {
	Plan             Plan
	Client, Server   netip.Addr // IPv4
	Seed             uint64
	Start            time.Time
	clientIP, server [4]byte
}

// packet is one Ethernet frame at its time.
type packet struct {
	at    time.Time
	frame []byte
}

// WritePcap writes conversations as a capture of Ethernet frames, in the order
// of their times. Nothing is sent anywhere.
func WritePcap(w io.Writer, conversations ...Conversation) error {
	var all []packet
	for _, c := range conversations {
		if !c.Client.Is4() || !c.Server.Is4() {
			return fmt.Errorf("making packets from %s to %s: both must be IPv4 addresses", c.Client, c.Server)
		}
		c.clientIP, c.server = c.Client.As4(), c.Server.As4()
		for _, conn := range c.Plan.Connections(c.Seed) {
			all = append(all, c.packets(conn)...)
		}
	}
	slices.SortStableFunc(all, func(a, b packet) int { return a.at.Compare(b.at) })
	header := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4) // microseconds
	header = binary.LittleEndian.AppendUint16(header, 2)
	header = binary.LittleEndian.AppendUint16(header, 4)
	header = binary.LittleEndian.AppendUint64(header, 0) // zone, accuracy
	header = binary.LittleEndian.AppendUint32(header, 65535)
	header = binary.LittleEndian.AppendUint32(header, 1) // Ethernet
	b := bufio.NewWriter(w)
	if _, err := b.Write(header); err != nil {
		return fmt.Errorf("writing packets: %w", err)
	}
	for _, p := range all {
		record := binary.LittleEndian.AppendUint32(nil, uint32(p.at.Unix()))
		record = binary.LittleEndian.AppendUint32(record, uint32(p.at.Nanosecond()/1000))
		record = binary.LittleEndian.AppendUint32(record, uint32(len(p.frame)))
		record = binary.LittleEndian.AppendUint32(record, uint32(len(p.frame)))
		if _, err := b.Write(append(record, p.frame...)); err != nil {
			return fmt.Errorf("writing packets: %w", err)
		}
	}
	if err := b.Flush(); err != nil {
		return fmt.Errorf("writing packets: %w", err)
	}
	return nil
}

// TCP flags.
const (
	fin = 1 << iota
	syn
	rst
	psh
	ack
)

// packets gives the frames of one connection.
func (c *Conversation) packets(conn Connection) []packet {
	start := c.Start.Add(conn.At)
	end := start.Add(conn.Lasts)
	if c.Plan.Proto == "udp" {
		all := []packet{{start, c.udp(conn, true, conn.Up)}}
		if conn.Outcome == Answered {
			all = append(all, packet{end, c.udp(conn, false, conn.Down)})
		}
		return all
	}
	var all []packet
	seq, peer := uint32(1000), uint32(5000)
	add := func(at time.Time, up bool, flags byte, bytes int) {
		s, a := seq, peer
		if !up {
			s, a = peer, seq
		}
		all = append(all, packet{at, c.tcp(conn, up, flags, s, a, bytes)})
		n := uint32(bytes)
		if flags&(syn|fin) != 0 {
			n++
		}
		if up {
			seq += n
		} else {
			peer += n
		}
	}
	switch conn.Outcome {
	case Refused:
		add(start, true, syn, 0)
		add(end, false, rst|ack, 0)
		return all
	case Silent:
		for i := range silentTries {
			seq = 1000
			add(start.Add(time.Duration(i)*conn.Lasts/(silentTries-1)), true, syn, 0)
		}
		return all
	}
	// Everything happens within the first half, the farewell at the end.
	step := conn.Lasts / time.Duration(4*(segments(conn.Up)+segments(conn.Down))+8)
	at := start
	next := func() time.Time { t := at; at = at.Add(step); return t }
	add(next(), true, syn, 0)
	add(next(), false, syn|ack, 0)
	add(next(), true, ack, 0)
	data := func(up bool, left int) {
		for ; left > 0; left -= segment {
			add(next(), up, psh|ack, min(left, segment))
			add(next(), !up, ack, 0)
		}
	}
	data(true, conn.Up)
	data(false, conn.Down)
	add(end.Add(-2*step), true, fin|ack, 0)
	add(end.Add(-step), false, fin|ack, 0)
	add(end, true, ack, 0)
	return all
}

func (c *Conversation) udp(conn Connection, up bool, bytes int) []byte {
	sport, dport := conn.Sport, c.Plan.Port
	if !up {
		sport, dport = dport, sport
	}
	b := binary.BigEndian.AppendUint16(nil, sport)
	b = binary.BigEndian.AppendUint16(b, dport)
	b = binary.BigEndian.AppendUint16(b, uint16(8+bytes))
	b = append(b, 0, 0) // no checksum, which IPv4 allows
	return c.frame(up, 17, append(b, make([]byte, bytes)...))
}

func (c *Conversation) tcp(conn Connection, up bool, flags byte, seq, ackNumber uint32, bytes int) []byte {
	sport, dport := conn.Sport, c.Plan.Port
	if !up {
		sport, dport = dport, sport
	}
	// The handshake negotiates more than what follows carries: MSS, SACK,
	// timestamps and window scale against timestamps.
	options := []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1}
	if flags&syn != 0 {
		options = []byte{2, 4, 5, 120, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7}
	} else if flags&rst != 0 {
		options = nil
	}
	b := binary.BigEndian.AppendUint16(nil, sport)
	b = binary.BigEndian.AppendUint16(b, dport)
	b = binary.BigEndian.AppendUint32(b, seq)
	if flags&ack == 0 {
		ackNumber = 0
	}
	b = binary.BigEndian.AppendUint32(b, ackNumber)
	b = append(b, byte((20+len(options))/4<<4), flags, 0xff, 0xff, 0, 0, 0, 0)
	b = append(b, options...)
	b = append(b, make([]byte, bytes)...)
	src, dst := c.clientIP, c.server
	if !up {
		src, dst = dst, src
	}
	pseudo := append(append(append([]byte(nil), src[:]...), dst[:]...), 0, 6)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(b)))
	binary.BigEndian.PutUint16(b[16:], checksum(append(pseudo, b...)))
	return c.frame(up, 6, b)
}

// frame puts IP and Ethernet headers before a segment.
func (c *Conversation) frame(up bool, proto byte, segment []byte) []byte {
	src, dst := c.clientIP, c.server
	from, to := byte(1), byte(2)
	if !up {
		src, dst, from, to = dst, src, to, from
	}
	frame := []byte{2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 8, 0}
	ip := []byte{0x45, 0}
	ip = binary.BigEndian.AppendUint16(ip, uint16(20+len(segment)))
	ip = append(ip, 0, 0, 0x40, 0, 64, proto, 0, 0)
	ip = append(append(ip, src[:]...), dst[:]...)
	binary.BigEndian.PutUint16(ip[10:], checksum(ip))
	return append(append(frame, ip...), segment...)
}

// checksum is the Internet checksum.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		sum += uint32(b[len(b)-1]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
