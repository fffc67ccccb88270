package enforce

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// Enforcer keeps blocks in the kernel, or in dry-run only in its own memory.
type Enforcer struct {
	opt Options
	cfg Config

	// op makes the enforcer the one writer: whoever holds it owns kernel and
	// what is next to it.
	op        turn
	kernel    *kernel // nil in dry-run, unless that counts
	doubt     doubt
	protected *policy.Protected // with which the blocks were compared last
	forget    *forgetter        // of connections; nil where it is not asked for
	lock      *lock             // says that no other process enforces this table
	removed   bool              // by Pause: the kernel has no table of ours

	// wake asks Watch for a check at once.
	wake chan struct{}

	// mu guards the wanted state. It is never held while the kernel is asked.
	mu     sync.Mutex
	wanted mirror
	closed bool
	paused bool   // nothing is blocked, whoever wants it
	behind bool   // something wanted may be missing
	built  bool   // the kernel has had our table
	since  Report // what the next report will tell
	stats  Stats

	health    Health
	latencies latencies
}

// Options are what an Enforcer needs besides its configuration.
type Options struct {
	// DryRun keeps the enforcer from opening any netlink socket.
	DryRun bool
	// Count makes a dry-run that opens one none the less, for a table that only
	// counts, where [enforce] count says so too. A replay leaves it out.
	Count bool
	// Paused begins with a pause: the table and what it blocks are removed.
	Paused bool
	// Protected gives the addresses that are never blocked, at this moment. It
	// must not be nil and must be fast. While it gives nil, every block is
	// refused and none is lifted.
	Protected func() *policy.Protected
	// NetNS is the file descriptor of the network namespace to work in; 0 is
	// the program's own.
	NetNS int
	// Now is the clock; nil is time.Now.
	Now func() time.Time

	// eventBuffer is how many bytes of events may wait; 0 is the default.
	eventBuffer int
}

// New gives an enforcer, with the blocks that its table in the kernel has. It
// makes the table where there is none. It should be called early: the
// library below cannot work with file descriptors from 1024 on.
func New(cfg Config, opt Options) (*Enforcer, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("enforce: %w", err)
	}
	if opt.Protected == nil {
		return nil, errors.New("enforce: Options.Protected is missing")
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	e := &Enforcer{opt: opt, cfg: cfg, paused: opt.Paused, wanted: newMirror(opt.Now), wake: make(chan struct{}, 1)}
	if opt.DryRun && (!opt.Count || !cfg.Count) {
		e.health.Checked = e.now()
		return e, nil
	}
	if opt.DryRun {
		cfg.Table = CountingTable(cfg)
	}
	k, err := openKernel(cfg, opt.NetNS)
	if err != nil {
		return nil, err
	}
	e.kernel, k.counting = k, opt.DryRun
	if opt.NetNS == 0 {
		if e.lock, err = lockTable(cfg.Table); err != nil {
			return nil, errors.Join(err, k.close())
		}
	}
	start := e.adopt
	if opt.Paused {
		start = e.startPaused
	}
	if err := start(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	if !opt.DryRun {
		if err := removeCounting(cfg, opt.NetNS); err != nil {
			return nil, errors.Join(err, e.Close())
		}
	}
	if !opt.DryRun && cfg.Conntrack {
		e.forget = newForgetter(func(keys map[key]bool) (uint64, error) { return forgetConnections(opt.NetNS, keys) })
		// The one before us may have ended before it came to that.
		e.mu.Lock()
		e.forget.enqueue(e.wanted.keys(StateBlocked))
		e.mu.Unlock()
	}
	return e, nil
}

// Remove deletes the table of cfg and all blocks with it, where no agent enforces
// it: one that does would put it back, and may own it, so that the error is
// [ErrInUse] and Pause of that agent is what helps. (It is not found out for
// another namespace than the program's own, where netns is not 0.) A table that is
// not ours is left alone ([ErrForeignTable]); none is no error. What a killed dry-run
// counted in goes too.
func Remove(cfg Config, netns int) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("enforce: %w", err)
	}
	if err := removeTable(cfg, netns); err != nil {
		return err
	}
	return removeCounting(cfg, netns)
}

func removeTable(cfg Config, netns int) error {
	if netns == 0 {
		lock, err := lockTable(cfg.Table)
		if err != nil {
			return err
		}
		defer func() { _ = lock.Close() }()
	}
	k, err := openKernel(cfg, netns)
	if err != nil {
		return err
	}
	defer func() { _ = k.close() }()
	return k.remove()
}

// DryRun tells whether nothing is ever written.
func (e *Enforcer) DryRun() bool { return e.opt.DryRun }

// Close ends the connection to the kernel. The table stays, and its elements
// run out by themselves.
func (e *Enforcer) Close() error {
	e.op.Lock()
	defer e.op.Unlock()
	e.mu.Lock()
	closed := e.closed
	e.closed = true
	e.mu.Unlock()
	if closed || e.kernel == nil {
		return nil
	}
	e.forget.stop()
	var err error
	if e.opt.DryRun {
		err = e.kernel.remove() // it protects nobody
	}
	err = errors.Join(err, e.kernel.close())
	return errors.Join(err, e.lock.Close())
}

func (e *Enforcer) isClosed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

// nudge asks Watch for a check at once.
func (e *Enforcer) nudge() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *Enforcer) now() time.Time { return e.opt.Now() }

// adopt takes over what the kernel has. A table of ours that is damaged or of
// another version is made again with its blocks in it.
func (e *Enforcer) adopt() error {
	k := e.kernel
	e.guard(e.opt.Protected())
	if err := k.own(); err != nil {
		return err
	}
	found, err := k.inspect()
	if err != nil {
		return err
	}
	if found != tableAbsent {
		list, err := k.dump()
		if err != nil {
			return err
		}
		// One without an end was not put there by us, and is not ours to lift; one that
		// has run out since it was listed is none.
		list = slices.DeleteFunc(list, func(s stored) bool { return s.expires <= 0 })
		now := e.now()
		slices.SortStableFunc(list, func(a, b stored) int { return cmp.Compare(b.timeout-b.expires, a.timeout-a.expires) })
		var counts [setKinds]int
		for _, s := range list {
			a := s.active(now)
			at, err := keyFor(a.Block, e.cfg.IPv6Prefix)
			if err != nil {
				continue // nobody of ours wrote it
			}
			if at != s.key { // written with another ipv6_prefix
				a.State, e.behind = StateMissing, true
			}
			e.wanted.put(at, a)
			e.stats.Adopted++
			counts[at.set]++
			k.need([]element{{key: at}})
		}
		k.adopts(counts, e.guard(e.opt.Protected())) // forced blocks are known only now
		e.built = true
		k.growing = false // the one before us has put them in
	}
	// The table is looked at again: dumping may have taken a while.
	if err := e.ensure(); err != nil {
		return err
	}
	if err := k.listen(e.opt.eventBuffer, e.nudge); err != nil {
		return err
	}
	e.since.Lifted = e.recheck() // for the first report
	err = e.mend()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.checked(e.now(), err)
	return err
}

// guard notes what is protected; it tells whether that is new to the kernel.
func (e *Enforcer) guard(p *policy.Protected) bool {
	if p == nil || e.kernel == nil {
		return false
	}
	e.mu.Lock()
	var forced []netip.Addr
	if e.wanted.forced > 0 {
		for _, a := range e.wanted.all() {
			if a.Block.Forced {
				forced = append(forced, endsOf(a.Block.Tuple)...)
			}
		}
	}
	e.mu.Unlock()
	g, leftOut := guardsOf(p, forced)
	e.mu.Lock()
	e.stats.Unguarded = leftOut
	e.mu.Unlock()
	if e.kernel.guarded && e.kernel.guards.equal(&g) {
		return false
	}
	e.kernel.guards, e.kernel.guarded = g, true
	return true
}

// guardForced takes out of the guards what the admin allows and a person insists
// on blocking.
func (e *Enforcer) guardForced(tasks []task) error {
	for _, t := range tasks {
		if t.active.Block.Forced {
			if !e.guard(e.opt.Protected()) {
				return nil
			}
			err := e.transact(e.kernel.setGuards)
			if err != nil {
				e.kernel.guarded = false
			}
			return err
		}
	}
	return nil
}

func endsOf(t argusfeed.Tuple) (ips []netip.Addr) {
	for _, a := range []argusfeed.Addr{t.Src, t.Dst} {
		if ip, ok := a.IP(); ok {
			ips = append(ips, ip.Unmap())
		}
	}
	return ips
}
