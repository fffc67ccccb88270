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
	// Networks are those of the interfaces, where others may be at home: all that
	// are private, and public ones unless a default route leaves by the interface,
	// where the others are the provider's.
	Networks []netip.Prefix
	// Forwards4 and Forwards6 tell that this host passes packets on, so that others
	// may be behind its own addresses.
	Forwards4, Forwards6 bool
}

func (s Snapshot) equal(other Snapshot) bool {
	return s.Forwards4 == other.Forwards4 && s.Forwards6 == other.Forwards6 && slices.Equal(s.Entries, other.Entries) && slices.Equal(s.Default, other.Default) && slices.Equal(s.Networks, other.Networks)
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
	// Root is the folder that stands for / where files are looked for other than
	// ResolverFiles; empty: /.
	Root string
	// Guests are protected as well; nil: none.
	Guests *Guests
	// SSHConnection is what sshd told the program that is to be reached
	// (SSH_CONNECTION); empty: nothing.
	SSHConnection string
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
	forwards4 bool
	forwards6 bool
	resolvers map[string][]netip.Addr // by file
	leases    []lease
	time      []policy.Entry // servers of it, as configured
	asked     []policy.Entry // and as the daemons say
	askedAt   time.Time
	ssh       sshPeers
	peers     []netip.Addr
	now       func() time.Time
}

// hostAddrs is what the kernel tells.
type hostAddrs struct {
	entries  []policy.Entry
	defs     []string
	networks []netip.Prefix
}

func newFinder(opt Options) *finder {
	if opt.ResolverFiles == nil {
		opt.ResolverFiles = DefaultResolverFiles()
	}
	if opt.Every <= 0 {
		opt.Every = 5 * time.Second
	}
	if opt.Root == "" {
		opt.Root = "/"
	}
	return &finder{opt: opt, resolvers: make(map[string][]netip.Addr), now: time.Now}
}

func (f *finder) look() error {
	var all []error
	host, err := listHost(f.opt.NetNS)
	if err != nil {
		all = append(all, fmt.Errorf("finding out this host's addresses and gateways: %w", err))
	} else {
		f.host = host
	}
	for _, ip := range []struct {
		ask func(root string) (bool, error)
		is  *bool
	}{{forwardsIPv4, &f.forwards4}, {forwardsIPv6, &f.forwards6}} {
		forwards, err := ip.ask(f.opt.Root)
		if err != nil {
			all = append(all, fmt.Errorf("finding out whether this host forwards: %w", err))
			continue
		}
		*ip.is = forwards
	}
	for _, name := range f.opt.ResolverFiles {
		addrs, err := readResolvers(name)
		if err != nil {
			all = append(all, fmt.Errorf("finding out this host's resolvers: %w", err))
			continue
		}
		f.resolvers[name] = addrs
	}
	all = append(all, f.lookServers(), f.lookPeers())
	return errors.Join(all...)
}

// lookServers looks for those of DHCP and time.
func (f *finder) lookServers() error {
	var all []error
	leases, err := readLeases(f.opt.Root)
	if err != nil {
		all = append(all, fmt.Errorf("finding out this host's DHCP servers: %w", err))
	} else {
		f.leases = leases
	}
	configured, err := configuredNTP(f.opt.Root)
	if err != nil {
		all = append(all, fmt.Errorf("finding out this host's time servers: %w", err))
	} else {
		f.time = configured
	}
	if now := f.now(); f.askedAt.IsZero() || now.Sub(f.askedAt) >= askNTP {
		f.askedAt = now
		asked, err := askedNTP(context.Background(), f.opt.Root)
		if err != nil {
			all = append(all, err)
		} else {
			f.asked = asked
		}
	}
	return errors.Join(all...)
}

// lookPeers looks for the other ends of SSH sessions.
func (f *finder) lookPeers() error {
	connected, err1 := connectedTo(f.opt.NetNS, sshPorts(f.opt.Root))
	hosts, err2 := loggedIn(f.opt.Root)
	f.peers = f.ssh.look(f.now(), connected, hosts)
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("finding out the peers of SSH sessions: %w", err)
	}
	return nil
}

func (f *finder) snapshot() Snapshot {
	entries := slices.Clone(f.host.entries)
	for _, name := range f.opt.ResolverFiles {
		for _, ip := range f.resolvers[name] {
			entries = append(entries, entry(ip, policy.KindResolver, "a resolver ("+name+")"))
		}
	}
	entries = append(entries, leaseEntries(f.leases, f.host.entries)...)
	entries = append(append(entries, f.time...), f.asked...)
	for _, ip := range f.peers {
		entries = append(entries, entry(ip, policy.KindSSH, "the other end of an SSH session"))
	}
	if e, ok := startedFrom(f.opt.SSHConnection); ok {
		entries = append(entries, e)
	}
	entries = append(entries, f.opt.Guests.Entries(f.now())...)
	slices.SortFunc(entries, func(a, b policy.Entry) int {
		return cmp.Or(
			strings.Compare(string(a.Kind), string(b.Kind)),
			a.Prefix.Addr().Compare(b.Prefix.Addr()),
			cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()),
			strings.Compare(a.Why, b.Why))
	})
	return Snapshot{
		Entries: slices.Compact(entries), Default: slices.Clone(f.host.defs), Networks: slices.Clone(f.host.networks),
		Forwards4: f.forwards4, Forwards6: f.forwards6,
	}
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
