package argusfeed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// FindTuple reads what Tuple.String wrote, for text from outside the feed: it
// never adds to the names that the program keeps, so that nobody can use them
// up by asking. A tuple with a name that no feed has shown is ErrUnknownName.
func FindTuple(s string) (Tuple, error) {
	src, dst, port, proto, err := splitTuple(s)
	if err != nil {
		return Tuple{}, err
	}
	for _, part := range []struct{ what, text string }{{"source", src}, {"destination", dst}} {
		if part.text != "" && !numericAddr(part.text) && !names.has(part.text) {
			return Tuple{}, fmt.Errorf("tuple %q: the %s %q is no address: %w", s, part.what, part.text, ErrUnknownName)
		}
	}
	if port != "" && !numericPort(port) && !names.has(port) {
		return Tuple{}, fmt.Errorf("tuple %q: the port %q is no number: %w", s, port, ErrUnknownName)
	}
	if _, ok := ipProtoNumbers[proto]; !ok && !numericEther(proto) && !names.has(proto) {
		return Tuple{}, fmt.Errorf("tuple %q: the protocol %q: %w", s, proto, ErrUnknownName)
	}
	return joinTuple(src, dst, port, proto)
}

// ErrUnknownName says that no feed has shown such a name.
var ErrUnknownName = errors.New("no such name has been seen")

// errTupleForm says how tuples are written.
var errTupleForm = errors.New("write source-destination-port-protocol, as in 10.0.0.5-203.0.113.9-443-tcp")

// splitTuple finds the four parts. Protocols may have a dash, and so may names
// of hosts: where the first two parts are addresses, the rest is clear; else the
// protocol and the port are the last two.
func splitTuple(s string) (src, dst, port, proto string, err error) {
	if part := strings.SplitN(s, "-", 4); len(part) == 4 && numericAddr(part[0]) && numericAddr(part[1]) {
		return part[0], part[1], part[2], part[3], nil
	}
	part := strings.Split(s, "-")
	n := len(part)
	// The longest protocol with a name of its own wins: ipv6-icmp has a dash.
	protoAt := n - 1
	for i := max(0, n-4); i < n-1; i++ {
		if _, ok := ipProtoNumbers[strings.Join(part[i:], "-")]; ok {
			protoAt = i
			break
		}
	}
	if protoAt < 3 || part[n-1] == "" {
		return "", "", "", "", fmt.Errorf("tuple %q: %w", s, errTupleForm)
	}
	ends := part[:protoAt-1]
	at := (len(ends) + 1) / 2
	for i := range ends { // an address at either end tells where the other begins
		if i == 0 && numericAddr(ends[0]) {
			at = 1
			break
		}
		if i == len(ends)-1 && numericAddr(ends[i]) {
			at = i
		}
	}
	return strings.Join(ends[:at], "-"), strings.Join(ends[at:], "-"), part[protoAt-1], strings.Join(part[protoAt:], "-"), nil
}

// joinTuple reads the four parts; names become known.
func joinTuple(src, dst, port, proto string) (t Tuple, err error) {
	if t.Src, err = ParseAddr([]byte(src)); err != nil {
		return Tuple{}, fmt.Errorf("the source of a tuple, %q: %w", src, err)
	}
	if t.Dst, err = ParseAddr([]byte(dst)); err != nil {
		return Tuple{}, fmt.Errorf("the destination of a tuple, %q: %w", dst, err)
	}
	if t.Port, err = ParsePort([]byte(port)); err != nil {
		return Tuple{}, fmt.Errorf("the port of a tuple, %q: %w", port, err)
	}
	if t.Proto, err = ParseProto([]byte(proto)); err != nil {
		return Tuple{}, fmt.Errorf("the protocol of a tuple, %q: %w", proto, err)
	}
	return t, nil
}

// numericAddr tells whether ParseAddr makes no name of s.
func numericAddr(s string) bool {
	b := []byte(s)
	if _, ok := parseIPv4(b); ok {
		return true
	}
	if _, ok := parseMAC(b); ok {
		return true
	}
	_, ok := parseIPv6(b)
	return ok
}

// numericPort tells whether ParsePort makes no name of s.
func numericPort(s string) bool {
	if n, err := strconv.ParseUint(s, 10, 16); err == nil && strconv.FormatUint(n, 10) == s {
		return true
	}
	_, ok := parseHex([]byte(s))
	return ok && (len(s) == 6 || s[2] != '0' || len(s) == 3)
}

// numericEther tells whether ParseProto takes s for an Ethertype.
func numericEther(s string) bool {
	if s == "" || s[0] < '1' || s[0] > '9' {
		return false
	}
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

// has tells whether a name is known.
func (t *nameTable) has(s string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, ok := t.ids[s]
	return ok
}
