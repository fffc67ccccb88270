package argusfeed

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
)

// part makes a part of a flow record; body is filled up to whole words.
func part(typ, subtype, qualifier byte, body []byte) []byte {
	body = append([]byte(nil), body...)
	for len(body)%4 != 0 {
		body = append(body, 0)
	}
	return append([]byte{typ, subtype, qualifier, byte(len(body)/4 + 1)}, body...)
}

// flowRecord makes a record from its parts.
func flowRecord(first, second byte, parts ...[]byte) []byte {
	b := []byte{first, second, 0, 0}
	for _, p := range parts {
		b = append(b, p...)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)/4))
	return b
}

func be32(vs ...uint32) (b []byte) {
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// synth makes records as an Argus might, but with every form of every part and
// values without sense, so that all that the decoder distinguishes occurs.
type synth struct {
	*rand.Rand
	seq uint32
}

func (s *synth) byte() byte              { return byte(s.IntN(256)) }
func (s *synth) chance(p float64) bool   { return s.Float64() < p }
func (s *synth) u16() (b []byte)         { return []byte{s.byte(), s.byte()} }
func (s *synth) ip4() []byte             { return []byte{10, 0, byte(s.IntN(3)), s.byte()} }
func (s *synth) ip6() []byte             { return append([]byte{0xfd, 13: 0}, s.byte(), s.byte()) }
func pick[T any](s *synth, of ...T) T    { return of[s.IntN(len(of))] }
func (s *synth) flags() byte             { return pick(s, 2, 0x12, 0x1b, 0x14, 0x10, 3, 0, s.byte()) }
func (s *synth) network(sub byte) []byte { return part(dsrNetwork, sub, 0, s.tcpState(sub)) }
func (s *synth) icmpError() []byte       { return part(dsrICMP, 0, 1, []byte{3, byte(s.IntN(16)), 27: 0}) }
func (s *synth) duration() (micro int64) {
	return pick(s, 0, 1, s.Int64N(1e6), s.Int64N(20e6), s.Int64N(5e9))
}
func (s *synth) count() uint64 {
	return pick(s, 1, 1, 2, 3, 6, 7, s.Uint64N(299)+1, s.Uint64N(69999)+1)
}
func (s *synth) size(packets uint64) uint64 {
	return packets * pick(s, 60, 66, 1500, s.Uint64N(1440)+60)
}

// record makes a flow record.
func (s *synth) record() []byte {
	s.seq++
	src, dst := s.count(), s.count()
	switch s.IntN(4) {
	case 0:
		dst = 0
	case 1:
		src = 0
	}
	cause := pick[byte](s, 1, 1, 1, 2, 2, 2, 6, 3, 4, 5, 7, 8)
	network := []byte{dsrNetwork, 0, 0, 1}
	key := s.key(&network)
	parts := [][]byte{part(dsrTransport, 3, 0, be32(0, s.seq)), key, s.time(src, dst), s.metric(src, dst), network}
	if s.chance(0.15) && key[1]&0x3f == keyFiveTuple && key[2]&0x1f == byte(familyIPv4) {
		parts = append(parts, s.icmpError())
	}
	if s.chance(0.7) && key[2]&0x1f <= byte(familyIPv6) {
		parts = append(parts, s.ipAttr())
	}
	return flowRecord(pick[byte](s, 0x13, 0x13, 0x33), cause<<4, parts...)
}

// key makes a key, and the network part that goes with it.
func (s *synth) key(network *[]byte) []byte {
	reversed, direction := pick[byte](s, 0, keyReversed), pick[byte](s, 0, 0, keyDirection)
	v6 := s.chance(0.3)
	ip := func(proto byte, tail ...byte) []byte {
		if v6 {
			b := append(append(s.ip6(), s.ip6()...), proto, 0, 0, 0)
			return part(dsrFlow, keyFiveTuple|reversed, byte(familyIPv6)|direction, append(b, tail...))
		}
		b := append(append(s.ip4(), s.ip4()...), proto, 0)
		return part(dsrFlow, keyFiveTuple|reversed, byte(familyIPv4)|direction, append(append(b, tail...), 0, 0))
	}
	ports := append(s.u16(), s.u16()...)
	switch s.IntN(13) {
	default:
		*network = s.network(pick[byte](s, netTCPInit, netTCPStatus, netTCPFull, netTCPFull))
		return ip(6, ports...)
	case 0:
		if !v6 && s.chance(0.5) {
			*network = part(dsrNetwork, netRTP, 0, make([]byte, 36)) // ra crashes on UDT
		} else if !v6 && s.chance(0.5) {
			*network = part(dsrNetwork, netRTCP, 0, make([]byte, 20))
		}
		return ip(17, ports...)
	case 1:
		v6 = false
		t := pick(s, 0, 3, 8, 11, 13, s.byte())
		*network = part(dsrNetwork, 0x34, 0, []byte{pick[byte](s, t, 0, 14, 16, 18, 8), s.byte(), 23: 0})
		return ip(1, append([]byte{t, pick(s, 0, 1, 3, s.byte())}, ports[:2]...)...)
	case 2:
		v6 = true
		return ip(58, pick(s, 1, 128, 129, 135, s.byte()), pick(s, 0, 1, 3, s.byte()), 0, 0)
	case 3:
		proto := s.byte()
		for proto == 1 || proto == 6 || proto == 17 || proto == protoESP || proto == 58 {
			proto = s.byte()
		}
		return ip(proto, 1, 2, 3, 4)
	case 4:
		b := append(append([]byte{0, 1, 8, 0, 6, 4, 0, 1}, s.ip4()...), s.ip4()...)
		return part(dsrFlow, keyARP|reversed, byte(familyARP), append(b, 1, 2, 3, 4))
	case 5:
		b := append([]byte{0, 1, 8, 0, 6, 4, 0, 3}, s.ip4()...)
		return part(dsrFlow, keyARP, byte(familyRARP), append(b, 2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 1))
	case 6:
		b := []byte{2, 0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 1, s.byte(), s.byte(), s.byte(), s.byte()}
		return part(dsrFlow, keyFiveTuple|reversed, byte(familyEther), b)
	}
}

// tcpState makes the body of a network part of TCP.
func (s *synth) tcpState(subtype byte) []byte {
	some, others := s.Uint32N(1<<16), s.Uint32N(1<<16)
	status := some & others // a quarter of the bits
	if s.chance(0.1) {
		status = 0
	}
	b := be32(status)
	switch subtype {
	case netTCPInit:
		return append(append(b, make([]byte, 10)...), s.flags(), 0)
	case netTCPStatus:
		return append(b, s.flags(), s.flags(), 0, 0)
	}
	b = append(b, make([]byte, 112)...)
	b[66], b[114] = s.flags(), s.flags()
	return b
}

// time makes a time part; a side has one where it sent something.
func (s *synth) time(src, dst uint64) []byte {
	start := (1700000000+s.Int64N(100000))*1e6 + pick(s, 0, 999999, s.Int64N(1e6))
	nano := s.chance(0.2)
	stamp := func(micro int64) []byte {
		frac := uint32(micro % 1e6)
		if nano {
			frac *= 1000
		}
		return be32(uint32(micro/1e6), frac)
	}
	q := byte(0x18)
	if nano {
		q = 0x19
	}
	end := start + s.duration()
	switch s.IntN(8) {
	case 0:
		return part(dsrTime, 1, q, stamp(start))
	case 1, 2, 3:
		return part(dsrTime, 2, q, append(stamp(start), stamp(end)...))
	}
	var sub byte
	var b []byte
	if src > 0 || dst == 0 {
		sub, b = sub|timeSrcStart, append(b, stamp(start)...)
		if src != 1 && s.chance(0.7) {
			sub, b = sub|timeSrcEnd, append(b, stamp(end)...)
		}
	}
	if dst > 0 {
		start += s.duration()
		sub, b = sub|timeDstStart, append(b, stamp(start)...)
		if dst != 1 && s.chance(0.7) {
			sub, b = sub|timeDstEnd, append(b, stamp(start+s.duration())...)
		}
	}
	form := byte(2)
	if len(b) == 8 {
		form = 1
	}
	return part(dsrTime, sub|form, q, b)
}

// metric makes the counts, as wide as they need or wider.
func (s *synth) metric(src, dst uint64) []byte {
	numbers := func(packets uint64, app bool) []uint64 {
		v := []uint64{packets, s.size(packets)}
		if app {
			v = append(v, v[1]/2)
		}
		return v
	}
	app := s.chance(0.4)
	sv, dv := numbers(src, app), numbers(dst, app)
	width := 0
	for bits.Len64(max(sv[0], sv[1], dv[0], dv[1])) > 8<<width {
		width++
	}
	width = min(width+s.IntN(2), 3)
	who, v := 0, append(sv, dv...)
	if s.chance(0.7) && (width > 0 || app) { // ra does not know the narrowest of one side
		if dst == 0 {
			who, v = 4, sv
		} else if src == 0 {
			who, v = 8, dv
		}
	}
	var b []byte
	for _, n := range v {
		b = append(b, binary.BigEndian.AppendUint64(nil, n)[8-1<<width:]...)
	}
	sub := byte(1)
	if app {
		sub = 4
	}
	return part(dsrMetric, sub, byte(1+who+width), b)
}

func (s *synth) ipAttr() []byte {
	q := pick[byte](s, 1, 2, 3, 3, 3, 0x13, 7, 0xb, 0xf)
	var b []byte
	for side := range 2 {
		if q>>side&1 != 0 {
			b = append(b, 64, pick(s, 0, s.byte()), 1, 2)
		}
		if q>>(side+2)&1 != 0 {
			b = append(b, 1, 2, 3, 4)
		}
	}
	return part(dsrIPAttr, 0, q, b)
}
