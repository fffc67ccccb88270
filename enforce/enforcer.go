package enforce

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"slips-ips/policy"
)

// Enforcer keeps blocks in the kernel, or in dry-run only in its own memory.
type Enforcer struct {
	opt Options
	max int

	// op makes the enforcer the one writer: whoever holds it owns kernel and
	// what is next to it.
	op        sync.Mutex
	kernel    *kernel // nil in dry-run
	doubt     doubt
	protected *policy.Protected // with which the blocks were compared last
	closed    bool
	lock      net.Listener // says that no other process enforces this table

	// mu guards the wanted state. It is never held while the kernel is asked.
	mu     sync.Mutex
	wanted mirror
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
	// Protected gives the addresses that are never blocked, at this moment. It
	// must not be nil and must be fast. While it gives nil, every block is
	// refused and none is lifted.
	Protected func() *policy.Protected
	// NetNS is the file descriptor of the network namespace to work in; 0 is
	// the program's own.
	NetNS int
	// Now is the clock; nil is time.Now.
	Now func() time.Time
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
	e := &Enforcer{opt: opt, max: cfg.MaxBlocks, wanted: newMirror(opt.Now)}
	if opt.DryRun {
		e.health.Checked = e.now()
		return e, nil
	}
	k, err := openKernel(cfg, opt.NetNS)
	if err != nil {
		return nil, err
	}
	e.kernel = k
	if opt.NetNS == 0 {
		if e.lock, err = lockTable(cfg.Table); err != nil {
			return nil, errors.Join(err, k.close())
		}
	}
	if err := e.adopt(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// Remove deletes the table of cfg and all blocks with it, the agent running or
// not. A table that is not ours is left alone ([ErrForeignTable]); none is no
// error.
func Remove(cfg Config, netns int) error {
	if err := cfg.Validate(); err != nil {
		return fmt.Errorf("enforce: %w", err)
	}
	k, err := openKernel(cfg, netns)
	if err != nil {
		return err
	}
	defer func() { _ = k.close() }()
	return k.remove()
}

// DryRun tells whether nothing is ever written.
func (e *Enforcer) DryRun() bool { return e.kernel == nil }

// Close ends the connection to the kernel. The table stays, and its elements
// run out by themselves.
func (e *Enforcer) Close() error {
	e.op.Lock()
	defer e.op.Unlock()
	if e.closed {
		return nil
	}
	e.closed = true
	if e.kernel == nil {
		return nil
	}
	err := e.kernel.close()
	if e.lock != nil {
		err = errors.Join(err, e.lock.Close())
	}
	return err
}

func (e *Enforcer) now() time.Time { return e.opt.Now() }

// adopt takes over what the kernel has. A table of ours that is damaged or of
// another version is made again with its blocks in it.
func (e *Enforcer) adopt() error {
	found, err := e.kernel.inspect()
	if err != nil {
		return err
	}
	if found != tableAbsent {
		list, err := e.kernel.dump()
		if err != nil {
			return err
		}
		// One without an end was not put there by us, and is not ours to lift.
		list = slices.DeleteFunc(list, func(s stored) bool { return s.expires <= 0 })
		now := e.now()
		begun := func(s stored) time.Time { return s.active(now).Since }
		slices.SortStableFunc(list, func(a, b stored) int { return begun(a).Compare(begun(b)) })
		for _, s := range list {
			e.wanted.put(s.key, s.active(now))
			e.stats.Adopted++
		}
		e.built = true
	}
	// The table is looked at again: dumping may have taken a while.
	if err := e.ensure(); err != nil {
		return err
	}
	e.since.Lifted = e.recheck() // for the first report
	err = e.mend()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.checked(e.now(), err)
	return err
}
