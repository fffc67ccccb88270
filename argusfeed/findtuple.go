package argusfeed

import (
	"errors"
	"fmt"
)

// FindTuple is ParseTuple for text that anybody may send: it never adds to the
// names that the program keeps, so that nobody can use them up by asking. A
// tuple with a name that no feed has shown is ErrUnknownName.
func FindTuple(s string) (Tuple, error) {
	b := []byte(s)
	if cut, ok := bestCut(b); ok && len(b) <= maxTupleText {
		for _, end := range [][]byte{b[:cut[0]], b[cut[0]+1 : cut[1]]} {
			if _, ok := plainAddr(end); !ok && len(end) > 0 && !names.has(end) {
				return Tuple{}, fmt.Errorf("the tuple %.100q: %.100q is no address: %w", s, end, ErrUnknownName)
			}
		}
		port, proto := b[cut[1]+1:cut[2]], b[cut[2]+1:]
		if _, ok := plainPort(port); !ok && !names.has(port) {
			return Tuple{}, fmt.Errorf("the tuple %.100q: %.100q is no port: %w", s, port, ErrUnknownName)
		}
		if _, ok := plainProto(proto); !ok && !names.has(proto) {
			return Tuple{}, fmt.Errorf("the tuple %.100q: %.100q is no protocol: %w", s, proto, ErrUnknownName)
		}
	}
	return ParseTuple(s)
}

// ErrUnknownName says that no feed has shown such a name.
var ErrUnknownName = errors.New("no such name has been seen")

// has tells whether a name is known.
func (t *nameTable) has(s []byte) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	_, ok := t.ids[string(s)]
	return ok
}
