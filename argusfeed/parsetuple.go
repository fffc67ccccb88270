package argusfeed

import (
	"bytes"
	"errors"
	"fmt"
)

// ParseTuple reads what Tuple.String writes: source-destination-port-protocol,
// as in 10.0.0.5-203.0.113.7-443-tcp. The port may be empty, the protocol not.
//
// Names of hosts, services and protocols may have dashes in them. Of the ways
// to take the text apart the one with the most addresses is meant, then the one
// with a port that is a number or none and a protocol that has a number, then
// the one with the shortest source and destination. So a tuple between
// addresses always comes back as it was; one between names with dashes has at
// least the same text.
//
// What is no address is a name, misspelt addresses too: whoever needs addresses
// asks Addr.IP. Names are kept for good, as those of a feed are; half of the
// places are left to the feeds (ErrTooManyNames).
func ParseTuple(s string) (Tuple, error) {
	return parseTuple(s, func(name []byte) (uint32, error) { return names.idWithin(name, maxNames/2) }, nil)
}

// FindTuple is ParseTuple for questions: it adds nothing to the names that the
// program keeps, so that nobody can use them up by asking. Of the ways to take
// the text apart one with names that are known is meant; where there is none the
// error is ErrUnknownName.
func FindTuple(s string) (Tuple, error) {
	return parseTuple(s, func(name []byte) (uint32, error) {
		if id, ok := names.find(name); ok {
			return id, nil
		}
		return 0, fmt.Errorf("%q: %w", name, ErrUnknownName)
	}, func(name []byte) bool {
		_, ok := names.find(name)
		return ok
	})
}

// ErrUnknownName says that something is no address or number, and no feed has
// shown such a name.
var ErrUnknownName = errors.New("no feed has shown such a name")

// parseTuple reads a tuple. Number gives that of a name; known, where there is
// one, tells which names are better than others.
func parseTuple(s string, number func([]byte) (uint32, error), known func([]byte) bool) (Tuple, error) {
	b := []byte(s)
	if len(b) > maxTupleText {
		return Tuple{}, fmt.Errorf("reading a tuple: %d bytes are too many; a tuple is written %s", len(b), tupleForm)
	}
	cut, ok := bestCut(b, known)
	if !ok {
		return Tuple{}, fmt.Errorf("%.100q is no tuple; it is written %s", s, tupleForm)
	}
	var t Tuple
	var err error
	if t.Src, err = tupleAddr(b[:cut[0]], number); err != nil {
		return Tuple{}, fmt.Errorf("the source of the tuple %.100q: %w", s, err)
	}
	if t.Dst, err = tupleAddr(b[cut[0]+1:cut[1]], number); err != nil {
		return Tuple{}, fmt.Errorf("the destination of the tuple %.100q: %w", s, err)
	}
	if t.Port, ok = plainPort(b[cut[1]+1 : cut[2]]); !ok {
		if port := b[cut[1]+1 : cut[2]]; known != nil && !known(port) && len(bytes.Trim(port, "0123456789")) == 0 {
			return Tuple{}, fmt.Errorf("the port of the tuple %.100q: %q is not allowed; use 0 to 65535", s, port)
		}
		id, err := number(b[cut[1]+1 : cut[2]])
		if err != nil {
			return Tuple{}, fmt.Errorf("the port of the tuple %.100q: %w", s, err)
		}
		t.Port = portName | Port(id)
	}
	if t.Proto, ok = plainProto(b[cut[2]+1:]); !ok {
		id, err := number(b[cut[2]+1:])
		if err != nil {
			return Tuple{}, fmt.Errorf("the protocol of the tuple %.100q: %w", s, err)
		}
		t.Proto = protoName | Proto(id)
	}
	return t, nil
}

const tupleForm = "source-destination-port-protocol, as in 10.0.0.5-203.0.113.7-443-tcp"

// What a text may have at most: four names, and so many dashes that trying
// every way to take it apart stays cheap.
const (
	maxTupleText = 4*maxNameLen + 3
	maxDashes    = 24
)

func tupleAddr(s []byte, number func([]byte) (uint32, error)) (Addr, error) {
	if len(s) == 0 {
		return Addr{}, nil
	}
	if a, ok := plainAddr(s); ok {
		return a, nil
	}
	id, err := number(s)
	if err != nil {
		return Addr{}, err
	}
	return addrFromName(id), nil
}

// bestCut finds the three dashes between the four parts.
func bestCut(b []byte, known func([]byte) bool) (best [3]int, ok bool) {
	stranger := func(s []byte) int { // more than all that is odd together
		if known == nil || known(s) {
			return 0
		}
		return 100
	}
	var dashes []int
	for i := 0; ; {
		n := bytes.IndexByte(b[i:], '-')
		if n < 0 {
			break
		}
		dashes = append(dashes, i+n)
		i += n + 1
	}
	if len(dashes) < 3 || len(dashes) > maxDashes {
		return best, false
	}
	least := -1
	for i, first := range dashes {
		src := addrOddity(b[:first], stranger)
		for j := i + 1; j < len(dashes); j++ {
			second := dashes[j]
			dst := addrOddity(b[first+1:second], stranger)
			for _, third := range dashes[j+1:] {
				if third == len(b)-1 {
					continue // no protocol
				}
				odd := src + dst
				if port := b[second+1 : third]; !isPlainPort(port) {
					odd += 1 + stranger(port)
				}
				if proto := b[third+1:]; !isPlainProto(proto) {
					odd += 1 + stranger(proto)
				}
				if least < 0 || odd < least {
					least, best = odd, [3]int{first, second, third}
				}
			}
		}
	}
	return best, least >= 0
}

// addrOddity weighs more than port and protocol together.
func addrOddity(s []byte, stranger func([]byte) int) int {
	if len(s) == 0 {
		return 3
	}
	if _, ok := plainAddr(s); ok {
		return 0
	}
	return 4 + stranger(s)
}

func isPlainPort(s []byte) bool {
	_, ok := plainPort(s)
	return ok
}

func isPlainProto(s []byte) bool {
	_, ok := plainProto(s)
	return ok
}

// UnmarshalText reads what MarshalText writes; see ParseTuple.
func (t *Tuple) UnmarshalText(b []byte) error {
	got, err := ParseTuple(string(b))
	if err != nil {
		return err
	}
	*t = got
	return nil
}
