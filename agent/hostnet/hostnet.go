package hostnet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"slips-ips/policy"
)

// Snapshot is what was found at one moment.
type Snapshot struct {
	// Entries are the addresses found, each with what it is, ordered by kind and
	// address. An address may be there more than once, for different reasons.
	Entries []policy.Entry
	// Default are the interfaces of the default routes, the preferred one
	// first. It is empty where there is none, and outside Linux.
	Default []string
}

func (s Snapshot) equal(other Snapshot) bool {
	return slices.Equal(s.Entries, other.Entries) && slices.Equal(s.Default, other.Default)
}

// Options say where to look. The zero value is this host.
type Options struct {
	// NetNS is the file descriptor of the network namespace to look at; 0 is
	// the program's own.
	NetNS int
	// ResolverFiles are files in the format of resolv.conf(5); nil stands for
	// DefaultResolverFiles. One that does not exist is no error.
	ResolverFiles []string
	// Every is how often Watch looks without being told of a change; 0 stands
	// for five seconds.
	Every time.Duration
}

// DefaultResolverFiles are the system's own list, and the servers that
// systemd-resolved asks on its behalf.
func DefaultResolverFiles() []string {
	return []string{"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"}
}

// Discover looks once. With an error, the snapshot holds what could be found.
func Discover(opt Options) (Snapshot, error) {
	f := newFinder(opt)
	err := f.look()
	return f.snapshot(), err
}

// finder keeps the last good answer of each place that is asked, so that one
// that fails for a moment does not take away what it protected.
type finder struct {
	opt       Options
	host      hostAddrs
	resolvers map[string][]netip.Addr // by file
}

// hostAddrs is what the kernel tells.
type hostAddrs struct {
	entries []policy.Entry
	defs    []string
}

func newFinder(opt Options) *finder {
	if opt.ResolverFiles == nil {
		opt.ResolverFiles = DefaultResolverFiles()
	}
	if opt.Every <= 0 {
		opt.Every = 5 * time.Second
	}
	return &finder{opt: opt, resolvers: make(map[string][]netip.Addr)}
}

func (f *finder) look() error {
	var all []error
	host, err := listHost(f.opt.NetNS)
	if err != nil {
		all = append(all, fmt.Errorf("finding out this host's addresses and gateways: %w", err))
	} else {
		f.host = host
	}
	for _, name := range f.opt.ResolverFiles {
		addrs, err := readResolvers(name)
		if err != nil {
			all = append(all, fmt.Errorf("finding out this host's resolvers: %w", err))
			continue
		}
		f.resolvers[name] = addrs
	}
	return errors.Join(all...)
}

func (f *finder) snapshot() Snapshot {
	entries := slices.Clone(f.host.entries)
	for _, name := range f.opt.ResolverFiles {
		for _, ip := range f.resolvers[name] {
			entries = append(entries, entry(ip, policy.KindResolver, "a resolver ("+name+")"))
		}
	}
	slices.SortFunc(entries, func(a, b policy.Entry) int {
		return cmp.Or(
			strings.Compare(string(a.Kind), string(b.Kind)),
			a.Prefix.Addr().Compare(b.Prefix.Addr()),
			cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()),
			strings.Compare(a.Why, b.Why))
	})
	return Snapshot{Entries: slices.Compact(entries), Default: slices.Clone(f.host.defs)}
}

func entry(ip netip.Addr, kind policy.Kind, why string) policy.Entry {
	ip = ip.Unmap().WithZone("")
	return policy.Entry{Prefix: netip.PrefixFrom(ip, ip.BitLen()), Kind: kind, Why: why}
}

const (
	// settle is how long a change is given to be followed by more: an interface
	// that comes up brings a dozen.
	settle = 20 * time.Millisecond
	// rest is the shortest time between two looks, however many routes a
	// routing daemon changes.
	rest = 200 * time.Millisecond
)

// Watch calls changed with a snapshot now and whenever it is another one, until
// ctx ends, whose error it returns. What cannot be found out goes to failed;
// what was found before then stays in the snapshots.
func Watch(ctx context.Context, opt Options, changed func(Snapshot), failed func(error)) error {
	f := newFinder(opt)
	// Listening begins before the first look, so that no change is missed.
	events := make(chan error, 1)
	done := make(chan struct{})
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer close(done)
		listen(ctx, opt.NetNS, events)
	}()
	defer func() {
		stop()
		<-done
	}()

	tick := time.NewTicker(f.opt.Every)
	defer tick.Stop()
	var last Snapshot
	for first := true; ; first = false {
		looked := time.Now()
		if err := f.look(); err != nil {
			failed(err)
		}
		if s := f.snapshot(); first || !s.equal(last) {
			last = s
			changed(s)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case err := <-events:
			if err != nil {
				failed(fmt.Errorf("listening for changes of addresses and routes: %w", err))
			}
			pause := max(settle, rest-time.Since(looked))
			if !sleep(ctx, pause) {
				return ctx.Err()
			}
			select { // what came meanwhile is seen by the look that follows
			case err := <-events:
				if err != nil {
					failed(fmt.Errorf("listening for changes of addresses and routes: %w", err))
				}
			default:
			}
		}
	}
}

// sleep tells whether ctx lasted.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// tell leaves word of an event for Watch. A word that is there already is enough.
func tell(events chan<- error, err error) {
	select {
	case events <- err:
	default:
	}
}
