package enforce

import (
	"errors"
	"math"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// findSize is how many elements are looked for with one question. The kernel
// answers with a message of some kilobytes for each, all at once.
const findSize = 200

// setElements gives those of elems that are in a set.
func setElements(elems []element, kind setKind) []nftables.SetElement {
	var list []nftables.SetElement
	for i := range elems {
		if el := &elems[i]; el.key.set == kind {
			list = append(list, nftables.SetElement{Key: el.key.bytes(), Timeout: el.timeout, Comment: el.comment})
		}
	}
	return list
}

func setKeys(keys []key, kind setKind, timeout time.Duration) []nftables.SetElement {
	var list []nftables.SetElement
	for i := range keys {
		if keys[i].set == kind {
			list = append(list, nftables.SetElement{Key: keys[i].bytes(), Timeout: timeout})
		}
	}
	return list
}

// add puts elements into the sets, or renews them, in one transaction. Keys
// must not repeat.
//
// Adding what is there already does not refresh its timeout on any kernel (a
// different timeout does from 6.12 on), and deleting what is not there undoes
// the transaction. Add, delete, add is right for either, everywhere.
func (k *kernel) add(elems []element) error {
	return k.commit("adding elements", func(c *nftables.Conn) {
		for kind, s := range k.sets {
			list := setElements(elems, setKind(kind))
			_ = c.SetAddElements(s, list)
			_ = c.SetDeleteElements(s, list)
			_ = c.SetAddElements(s, list)
		}
	})
}

// del removes elements from the sets, present or not.
func (k *kernel) del(keys []key) error {
	return k.commit("deleting elements", func(c *nftables.Conn) {
		for kind, s := range k.sets {
			list := setKeys(keys, setKind(kind), time.Second)
			_ = c.SetAddElements(s, list)
			_ = c.SetDeleteElements(s, list)
		}
	})
}

// forever is the time left of an element without a timeout.
const forever time.Duration = math.MaxInt64

// find gives the time that each element has left: 0 where the kernel does not
// have it.
func (k *kernel) find(keys []key) ([]time.Duration, error) {
	left := make([]time.Duration, len(keys))
	index := make(map[key]int, len(keys))
	for i, key := range keys {
		index[key] = i
	}
	for kind := range setKind(setKinds) {
		list := setKeys(keys, kind, 0)
		for len(list) > 0 {
			n := min(len(list), findSize)
			if err := k.findIn(kind, list[:n], index, left); err != nil {
				return nil, err
			}
			list = list[n:]
		}
	}
	return left, nil
}

// findIn asks for elements of one set. A single absent one makes the kernel
// refuse the whole question, which is then asked in halves.
func (k *kernel) findIn(kind setKind, list []nftables.SetElement, index map[key]int, left []time.Duration) error {
	var found []nftables.SetElement
	err := k.read("looking for elements", func(c *nftables.Conn) (err error) {
		found, err = c.FindSetElements(k.sets[kind], list)
		return err
	})
	switch {
	case errors.Is(err, unix.ENOENT) && len(list) == 1:
		return nil
	case errors.Is(err, unix.ENOENT):
		n := len(list) / 2
		return errors.Join(k.findIn(kind, list[:n], index, left), k.findIn(kind, list[n:], index, left))
	case err != nil:
		return err
	}
	for _, el := range found {
		key, err := keyFrom(kind, el.Key)
		if err != nil {
			return err
		}
		if i, asked := index[key]; asked {
			left[i] = el.Expires
			if el.Expires == 0 {
				left[i] = forever
			}
		}
	}
	return nil
}

// dump lists all elements. It is for the start only.
func (k *kernel) dump() ([]stored, error) {
	var list []stored
	for kind, s := range k.sets {
		var found []nftables.SetElement
		err := k.read("listing elements", func(c *nftables.Conn) (err error) {
			found, err = c.GetSetElements(s)
			return err
		})
		if errors.Is(err, unix.ENOENT) {
			continue // another version's table may be without it
		}
		if err != nil {
			return nil, err
		}
		for _, el := range found {
			key, err := keyFrom(setKind(kind), el.Key)
			if err != nil {
				continue // another version's set, of other fields
			}
			if el.Timeout == 0 && el.Expires > 0 {
				el.Timeout = s.Timeout // the kernel leaves out what is the set's own
			}
			list = append(list, stored{key: key, timeout: el.Timeout, expires: el.Expires, comment: el.Comment})
		}
	}
	return list, nil
}
