package argusfeed

import "strconv"

// twoDigits holds the digits of each number below 100.
var twoDigits = func() (t [100][2]byte) {
	for i := range t {
		t[i] = [2]byte{'0' + byte(i/10), '0' + byte(i%10)}
	}
	return t
}()

// octets holds the decimal digits of each byte, and in the last place how many
// there are.
var octets = func() (t [256][4]byte) {
	for i := range t {
		t[i][3] = byte(copy(t[i][:3], strconv.Itoa(i)))
	}
	return t
}()

// appendOctets appends an IPv4 address.
func appendOctets(b []byte, ip [4]byte) []byte {
	for i, o := range ip {
		t := &octets[o]
		// Three bytes always, of which the next one overwrites what is too many.
		n := len(b) + int(t[3])
		b = append(b, t[0], t[1], t[2])[:n]
		if i < 3 {
			b = append(b, '.')
		}
	}
	return b
}

// appendMicro appends a point and six digits.
func appendMicro(b []byte, us int64) []byte {
	u := uint32(us)
	x, y, z := &twoDigits[u/10000%100], &twoDigits[u/100%100], &twoDigits[u%100]
	return append(b, '.', x[0], x[1], y[0], y[1], z[0], z[1])
}

// appendNumber appends a number; most of a flow's are small.
func appendNumber(b []byte, n uint64) []byte {
	if n >= 10000 {
		return strconv.AppendUint(b, n, 10)
	}
	hi, lo := &twoDigits[n/100], &twoDigits[n%100]
	switch {
	case n >= 1000:
		return append(b, hi[0], hi[1], lo[0], lo[1])
	case n >= 100:
		return append(b, hi[1], lo[0], lo[1])
	case n >= 10:
		return append(b, lo[0], lo[1])
	}
	return append(b, lo[1])
}
