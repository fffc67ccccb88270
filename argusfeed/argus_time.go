package argusfeed

import (
	"encoding/binary"
	"time"
)

// argusTime reads seconds, signed 32 bits, and a fraction: microseconds, or
// nanoseconds cut to microseconds.
func argusTime(b []byte, nano bool) Time {
	sec, frac := int32(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint32(b[4:])
	if nano {
		frac /= 1000
	}
	return Time(sec)*1e6 + Time(min(frac, 999999)) // a fraction is below a second
}

// span is the time of one side of a flow.
type span struct {
	start, end       Time
	hasStart, hasEnd bool
}

// set puts the first of the two times where there is only one, and exchanges
// them where they are in the wrong order.
func (s *span) set() {
	switch {
	case !s.hasStart:
		s.start = s.end
	case !s.hasEnd:
		s.end = s.start
	}
	s.hasStart = s.hasStart || s.hasEnd
	if s.end < s.start {
		s.start, s.end = s.end, s.start
	}
}

// Bits of the subtype: which times of which side follow.
const (
	timeSrcStart = 0x08
	timeSrcEnd   = 0x10
	timeDstStart = 0x20
	timeDstEnd   = 0x40
)

// decodeTime reads the time of the first and of the last packet into Start and
// Dur. The counts must be known, and whether an ICMP error answered the flow: it
// moves the end, but is not counted.
func (rec *Record) decodeTime(d []byte, icmpError bool) bool {
	if len(d) < 12 {
		return false
	}
	nano := d[2]&0x1f == 0x19
	var start, end Time
	if d[1]&(timeSrcStart|timeDstStart) != 0 {
		var src, dst span
		if !sideTimes(d[4:], d[1], nano, &src, &dst) {
			return false
		}
		start, end = rec.union(src, dst)
	} else {
		start, end = wholeTime(d, nano)
	}
	if rec.SrcPackets+rec.DstPackets == 1 && (!icmpError || rec.DstPackets == 1) {
		start = end // as ra takes it: one packet has no duration
	}
	rec.Start, rec.Dur = start, end.Sub(start)
	return true
}

// wholeTime reads the times of a flow that are not told apart by side: a start,
// and perhaps an end, or microseconds since the start.
func wholeTime(d []byte, nano bool) (start, end Time) {
	start = argusTime(d[4:], nano)
	end = start
	switch form := d[1] & 0x07; {
	case form == 2 && len(d) >= 20:
		end = argusTime(d[12:], nano)
	case form == 3 && len(d) >= 16:
		end += Time(int32(binary.BigEndian.Uint32(d[12:])))
	}
	return min(start, end), max(start, end)
}

// union gives the first and the last time of both sides. The time of a side that
// sent nothing says nothing, if the other has one.
func (rec *Record) union(src, dst span) (start, end Time) {
	src.set()
	dst.set()
	switch {
	case !dst.hasStart, src.hasStart && rec.DstPackets == 0:
		dst = src
	case !src.hasStart, rec.SrcPackets == 0:
		src = dst
	}
	return min(src.start, dst.start), max(src.end, dst.end)
}

// sideTimes reads one time for each bit of sub: two words each, or, where the
// length fits that, the first so and the others as microseconds since.
func sideTimes(b []byte, sub uint8, nano bool, src, dst *span) bool {
	var bits int
	for m := sub & (timeSrcStart | timeSrcEnd | timeDstStart | timeDstEnd); m != 0; m &= m - 1 {
		bits++
	}
	relative := len(b)/8 < bits
	if relative && len(b) != 4*(bits+1) {
		return false
	}
	var first Time
	got := false
	next := func() Time {
		if relative && got {
			t := first.Add(time.Duration(int32(binary.BigEndian.Uint32(b))) * time.Microsecond)
			b = b[4:]
			return t
		}
		t := argusTime(b, nano)
		b = b[8:]
		if !got {
			first, got = t, true
		}
		return t
	}
	if src.hasStart = sub&timeSrcStart != 0; src.hasStart {
		src.start = next()
	}
	if src.hasEnd = sub&timeSrcEnd != 0; src.hasEnd {
		src.end = next()
	}
	if dst.hasStart = sub&timeDstStart != 0; dst.hasStart {
		dst.start = next()
	}
	if dst.hasEnd = sub&timeDstEnd != 0; dst.hasEnd {
		dst.end = next()
	}
	return true
}
