package argusfeed

import "encoding/binary"

// decodeMetric reads packets and bytes of the two sides. The qualifier tells
// who is counted and how wide the numbers are; a side that is not counted has
// sent nothing.
func (rec *Record) decodeMetric(d []byte) bool {
	if len(d) < 4 {
		return false
	}
	each := 2 // packets, bytes
	switch {
	case d[1]&1 != 0:
	case d[1]&4 != 0:
		each = 3 // and bytes of applications
	default:
		return false
	}
	const both, source = 0, 1 // and 2: destination only
	q := int(d[2]&0x0f) - 1
	if q < 0 || q > 11 {
		return false
	}
	who, width := q/4, 1<<(q%4)
	numbers := each
	if who == both {
		numbers *= 2
	}
	b := d[4:]
	if len(b) < numbers*width {
		return false
	}
	switch who {
	case both:
		rec.SrcPackets, rec.SrcBytes = pair(b, width)
		rec.DstPackets, rec.DstBytes = pair(b[each*width:], width)
	case source:
		rec.SrcPackets, rec.SrcBytes = pair(b, width)
	default:
		rec.DstPackets, rec.DstBytes = pair(b, width)
	}
	return true
}

// pair reads two numbers of 1, 2, 4 or 8 bytes.
func pair(b []byte, width int) (packets, bytes uint64) {
	switch width {
	case 1:
		return uint64(b[0]), uint64(b[1])
	case 2:
		return uint64(binary.BigEndian.Uint16(b)), uint64(binary.BigEndian.Uint16(b[2:]))
	case 4:
		return uint64(binary.BigEndian.Uint32(b)), uint64(binary.BigEndian.Uint32(b[4:]))
	}
	return binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
}
