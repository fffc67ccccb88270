package enforce

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"
)

// kernel is our table in the kernel. It belongs to one goroutine at a time.
type kernel struct {
	cfg   Config
	netns int
	// Reading and writing on one connection would mix up the answers.
	reader, writer *link
	table          *nftables.Table
	sets           *tableSets
	adopted        [setKinds]int // for how many the sets have room at least
	batch          batch
	// events tell what others do; nil while they cannot be had. relisten opens them
	// again; nil while nobody asked for them.
	events   *events
	relisten func() error
	// guards are the protected addresses that the table should hold; guarded
	// tells that they are known.
	guards  guards
	guarded bool
	// flags are those that our table should have, present the chains that
	// inspect found in it.
	flags   nftables.TableFlags
	present []*nftables.Chain
	// counting leaves the verdicts out. wide brings the rules for blocks wider than
	// a tuple in, and stays; growing tells that the table is yet to get them.
	counting, wide, growing bool

	// generation is the number of the ruleset that was looked at last, or that
	// our transaction made of it; 0 where it is not known. Every transaction of
	// anybody counts it up by one. intact tells that in it our table is as we
	// make it.
	generation uint32
	intact     bool
	// unbound leaves transactions free of that number.
	unbound bool
	// why says what inspect found wrong last.
	why string
}

// openKernel connects to the kernel and changes nothing.
func openKernel(cfg Config, netns int) (*kernel, error) {
	k := &kernel{cfg: cfg, netns: netns}
	k.table = &nftables.Table{Name: cfg.Table, Family: nftables.TableFamilyINet}
	k.sets = newSets(cfg, k.table)
	k.batch.table = cfg.Table
	for _, l := range []**link{&k.reader, &k.writer} {
		if err := k.reopen(l); err != nil {
			_ = k.close()
			return nil, err
		}
	}
	return k, nil
}

func (k *kernel) reopen(l **link) error {
	if *l != nil {
		_ = (*l).CloseLasting() // its descriptor is free for the new one
		*l = nil
	}
	fresh, err := openLink(k.netns)
	if err != nil {
		return err
	}
	if l == &k.reader {
		if err := fresh.enlargeAnswers(); err != nil {
			_ = fresh.CloseLasting()
			return fmt.Errorf("asking nftables: %w", explain(err))
		}
	}
	*l = fresh
	if l == &k.writer && k.flags != 0 {
		k.intact = false // our table has lost its owner with the connection
	}
	if l == &k.writer && k.events != nil {
		if err := k.events.ignore(fresh.nl.PID()); err != nil {
			_ = k.events.close()
			k.events = nil // all is doubted until they are back
		}
	}
	return nil
}

func (k *kernel) close() error {
	var all []error
	if k.events != nil {
		all = append(all, k.events.close())
	}
	for _, l := range []*link{k.reader, k.writer} {
		if l != nil {
			all = append(all, l.CloseLasting())
		}
	}
	return errors.Join(all...)
}

// pauses are waited between the attempts at what fails for a moment.
var pauses = []time.Duration{time.Millisecond, 5 * time.Millisecond, 20 * time.Millisecond, 80 * time.Millisecond}

// retry runs f until it succeeds, fails for good, or there is no pause left.
// renew makes a new connection where answers may be left over in the old one; a
// failure of the connection itself is worth one more attempt on the new one.
func retry(f func() error, renew func() error) error {
	for n := 0; ; n++ {
		err := f()
		if err == nil {
			return nil
		}
		broken := spoilt(err)
		if broken {
			if again := renew(); again != nil {
				return errors.Join(err, again)
			}
		}
		if !transient(err) && (!broken || n > 0) || n == len(pauses) {
			return err
		}
		time.Sleep(pauses[n])
	}
}

// on runs f with a connection, again and on a new connection where that helps.
func (k *kernel) on(l **link, what string, f func(*nftables.Conn) error) error {
	renew := func() error { return k.reopen(l) }
	err := retry(func() error {
		if *l == nil {
			if err := renew(); err != nil {
				return err
			}
		}
		if err := (*l).nl.SetDeadline(time.Now().Add(answerTime)); err != nil {
			return err
		}
		return f((*l).Conn)
	}, renew)
	if err != nil {
		return fmt.Errorf("%s in the nftables table inet %s: %w", what, k.cfg.Table, explain(err))
	}
	return nil
}

// read asks the kernel.
func (k *kernel) read(what string, f func(*nftables.Conn) error) error {
	return k.on(&k.reader, what, f)
}

// commit sends what build adds as one transaction, bound to the generation of
// the ruleset that was compared. The error is errChanged where that is not the
// ruleset any more.
func (k *kernel) commit(what string, build func(*nftables.Conn)) error {
	generation := k.generation
	if k.unbound {
		generation = 0
	}
	err := k.on(&k.writer, what, func(c *nftables.Conn) error {
		build(c)
		return c.FlushWithGenID(generation)
	})
	return k.committed(generation, err)
}

// send sends a transaction of elements. build tells where its last message
// begins. Nothing to send is no error.
func (k *kernel) send(what string, build func(b *batch, last int) int) error {
	generation := k.generation
	if k.unbound {
		generation = 0
	}
	k.batch.begin(generation)
	last := build(&k.batch, -1)
	if last < 0 {
		return nil
	}
	k.batch.end(last)
	err := k.on(&k.writer, what, func(*nftables.Conn) error { return k.writer.send(&k.batch) })
	if errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%w: %w", errPresent, err) // nothing was done
	}
	return k.committed(generation, err)
}

// committed notes what a transaction on a generation has made of the ruleset.
func (k *kernel) committed(generation uint32, err error) error {
	if err == nil && generation != 0 {
		k.generation++ // 0 is left out by the kernel, and to us means unknown
		return nil
	}
	k.generation, k.intact = 0, false
	// ENOENT and EEXIST: table, chain or set went or came meanwhile.
	if errors.Is(err, unix.ERESTART) || errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("%w: %w", errChanged, err)
	}
	return err
}

// proven tells whether the transaction before is the newest change of the
// ruleset: it was bound to a generation in which our table was right, and only
// a commit makes the next one.
func (k *kernel) proven() bool {
	if k.generation == 0 || !k.intact {
		return false
	}
	now, err := k.current()
	return err == nil && now == k.generation
}

// need makes room for elements: where the first of them is wide, the rules for
// those are put in before the next transaction.
func (k *kernel) need(elems []element) {
	for i := range elems {
		if elems[i].key.set.wide() && !k.wide {
			k.wide, k.growing, k.intact = true, true, false
		}
	}
}

// adopts notes how many blocks of the table that inspect found are adopted, and
// whether its guards are to be compared with others.
func (k *kernel) adopts(counts [setKinds]int, guards bool) {
	k.adopted = counts
	k.sets.room(counts)
	k.intact = k.intact && !guards
}

// current gives the generation of the ruleset, 0 where it cannot be known.
func (k *kernel) current() (uint32, error) {
	var generation uint32
	err := k.read("asking for the generation", func(*nftables.Conn) (err error) {
		generation, err = k.reader.generation()
		return err
	})
	var errno unix.Errno
	if err != nil && !errors.As(err, &errno) && !errors.Is(err, os.ErrDeadlineExceeded) {
		return 0, nil // the library does not understand the kernel's answer
	}
	return generation, err
}

// remove deletes our table.
func (k *kernel) remove() error {
	for range attempts {
		found, err := k.inspect()
		if err != nil || found == tableAbsent {
			return err
		}
		err = k.commit("deleting everything", func(c *nftables.Conn) { c.DelTable(k.table) })
		if !errors.Is(err, errChanged) {
			return err
		}
	}
	return fmt.Errorf("deleting the nftables table inet %s: %w", k.cfg.Table, errChanged)
}
