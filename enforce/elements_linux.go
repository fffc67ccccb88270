package enforce

import (
	"errors"
	"math"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"slips-ips/policy"
)

// findSize is how many elements are looked for with one question. The kernel
// answers with a message of some kilobytes for each, all at once.
const findSize = 200

// setElements gives those of elems that are in a set, or in the one of the
// other verdict beside it.
func setElements(elems []element, kind setKind, other bool) []nftables.SetElement {
	var list []nftables.SetElement
	for i := range elems {
		if el := &elems[i]; el.key.set == kind && (!other || el.other) {
			list = append(list, nftables.SetElement{Key: el.key.bytes(), Timeout: el.timeout, Comment: el.comment})
		}
	}
	return list
}

func setKeys(keys []key, kind setKind) []nftables.SetElement {
	var list []nftables.SetElement
	for i := range keys {
		if keys[i].set == kind {
			list = append(list, nftables.SetElement{Key: keys[i].bytes()})
		}
	}
	return list
}

const (
	create    = unix.NLM_F_CREATE
	exclusive = unix.NLM_F_CREATE | unix.NLM_F_EXCL
)

// add puts elements into the sets, or renews them, in one transaction. Keys
// must not repeat. The error is errPresent where an element that should not be
// there is.
//
// Adding what is there already does not refresh its timeout on any kernel (a
// different timeout does from 6.12 on), and deleting what is not there undoes
// the transaction. Add, delete, add is right for either, everywhere; and what
// is not there is added in such a way that it fails if it is.
func (k *kernel) add(elems []element) error {
	fresh, renew, others, noOthers := count(elems)
	return k.send("adding elements", func(b *batch, last int) int {
		for kind := range setKind(setKinds) {
			name := k.sets.blocks[kind].Name
			if fresh[kind] > 0 {
				last = b.elements(msgNewElements, exclusive, name, elems, func(el *element) bool { return el.key.set == kind && !el.renew }, last)
			}
			if renew[kind] > 0 {
				last = b.again(name, elems, func(el *element) bool { return el.key.set == kind && el.renew }, last)
			}
			name = k.sets.others[kind].Name
			if others[kind] > 0 {
				last = b.again(name, elems, func(el *element) bool { return el.key.set == kind && el.other }, last)
			}
			if noOthers[kind] > 0 {
				last = b.without(name, elems, func(el *element) bool { return el.key.set == kind && el.noOther }, last)
			}
		}
		return last
	})
}

// count tells how many of elems need what, by set.
func count(elems []element) (fresh, renew, others, noOthers [setKinds]int) {
	for i := range elems {
		el := &elems[i]
		if el.renew {
			renew[el.key.set]++
		} else {
			fresh[el.key.set]++
		}
		if el.other {
			others[el.key.set]++
		}
		if el.noOther {
			noOthers[el.key.set]++
		}
	}
	return fresh, renew, others, noOthers
}

// again adds elements, present or not, with a new timeout and comment.
func (b *batch) again(set string, elems []element, chosen func(*element) bool, last int) int {
	b.without(set, elems, chosen, last)
	return b.elements(msgNewElements, create, set, elems, chosen, last)
}

// without removes elements, present or not.
func (b *batch) without(set string, elems []element, chosen func(*element) bool, last int) int {
	b.elements(msgNewElements, create, set, elems, chosen, last)
	return b.elements(msgDelElements, 0, set, elems, chosen, last)
}

// del removes elements from the sets, present or not.
func (k *kernel) del(elems []element) error {
	return k.send("deleting elements", func(b *batch, last int) int {
		for kind := range setKind(setKinds) {
			last = b.without(k.sets.blocks[kind].Name, elems, func(el *element) bool { return el.key.set == kind }, last)
			last = b.without(k.sets.others[kind].Name, elems, func(el *element) bool { return el.key.set == kind && el.other }, last)
		}
		return last
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
		list := setKeys(keys, kind)
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
		found, err = c.FindSetElements(k.sets.blocks[kind], list)
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

// dump lists all elements, with the time that they have left when it ends: large
// sets take a second, and a block must not be said to last longer than it does. It
// is for the start only.
func (k *kernel) dump() (list []stored, err error) {
	start := time.Now()
	for kind, s := range k.sets.blocks {
		at := time.Since(start)
		found, err := k.dumpSet(s)
		if err != nil {
			return nil, err
		}
		others, err := k.dumpSet(k.sets.others[kind])
		if err != nil {
			return nil, err
		}
		isOther := make(map[string]bool, len(others))
		for _, el := range others {
			isOther[string(el.Key)] = true
		}
		for _, el := range found {
			key, err := keyFrom(setKind(kind), el.Key)
			if err != nil {
				continue // another version's set, of other fields
			}
			if el.Timeout == 0 && el.Expires > 0 {
				el.Timeout = s.Timeout // the kernel leaves out what is the set's own
			}
			verdict := policy.Verdict("")
			if isOther[string(el.Key)] {
				verdict = policy.Verdict(otherVerdict(k.cfg.Verdict))
			}
			if el.Expires > 0 {
				el.Expires += at // what it had left at the start
			}
			list = append(list, stored{key: key, timeout: el.Timeout, expires: el.Expires, comment: el.Comment, verdict: verdict})
		}
	}
	took := time.Since(start)
	for i := range list {
		if s := &list[i]; s.expires > 0 {
			s.expires -= took // one that is over by now is left out, as one without an end is
		}
	}
	return list, nil
}

// dumpSet lists a set. Another version's table may be without it.
func (k *kernel) dumpSet(s *nftables.Set) (found []nftables.SetElement, err error) {
	err = k.read("listing elements", func(c *nftables.Conn) (err error) {
		found, err = c.GetSetElements(s)
		return err
	})
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	return found, err
}
