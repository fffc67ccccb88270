package argusfeed

import "sync"

// maxNames bounds what a feed can make the program remember: with ra -n a feed
// has next to no names.
const maxNames = 1 << 16

// nameTable gives each name a small number, so that tuples hold no pointers:
// the garbage collector then never walks millions of them. Ids are never freed.
type nameTable struct {
	mu     sync.RWMutex
	ids    map[string]uint32
	byID   []string
	atMost int
}

// names is shared by the process because a Tuple must mean the same in every
// goroutine; like an interned string it is invisible from outside.
var names = &nameTable{ids: make(map[string]uint32), atMost: maxNames}

func (t *nameTable) id(s []byte) (uint32, error) { return t.idWithin(s, t.atMost) }

// find gives the number of a name that has one.
func (t *nameTable) find(s []byte) (id uint32, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	id, ok = t.ids[string(s)]
	return id, ok
}

// idWithin makes a new number only while fewer than atMost are given out.
func (t *nameTable) idWithin(s []byte, atMost int) (uint32, error) {
	t.mu.RLock()
	id, ok := t.ids[string(s)]
	t.mu.RUnlock()
	if ok {
		return id, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if id, ok := t.ids[string(s)]; ok {
		return id, nil
	}
	if len(s) > maxNameLen {
		return 0, ErrLongName
	}
	if len(t.byID) >= atMost {
		return 0, ErrTooManyNames
	}
	name := string(s)
	id = uint32(len(t.byID))
	t.byID = append(t.byID, name)
	t.ids[name] = id
	return id, nil
}

// maxNameLen is the longest name of a host (RFC 1035, section 2.3.4).
const maxNameLen = 255

func (t *nameTable) name(id uint32) string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if int(id) < len(t.byID) {
		return t.byID[id]
	}
	return ""
}
