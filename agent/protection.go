package agent

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"slips-ips/agent/allowlist"
	"slips-ips/agent/hostnet"
	"slips-ips/policy"
)

// protection keeps what is never blocked: what [protect] says, what admins
// allowed by hand, and what this host needs. It is safe for concurrent use.
type protection struct {
	log     *slog.Logger
	allowed *allowlist.List
	guests  hostnet.Guests

	mu sync.Mutex
	// static is what [protect] says, and the hosts of the feeds; found is what
	// this host needs.
	static, found []policy.Entry
	ends          *time.Timer // when the next allow entry ends
	// current is the snapshot of the entries in holds.
	holds   []policy.Entry
	current atomic.Pointer[policy.Protected]
	// home are the networks of this host's interfaces.
	home atomic.Pointer[policy.Home]
}

func newProtection(c Config, allowed *allowlist.List, log *slog.Logger) *protection {
	p := &protection{log: log, allowed: allowed, static: staticEntries(c, log)}
	p.ends = time.AfterFunc(time.Hour, p.refresh)
	// Where not everything can be found out, what was found is protected.
	found, err := hostnet.Discover(p.hostOptions())
	if err != nil {
		p.failed(err)
	}
	p.take(found)
	return p
}

// hostOptions say where to look. Whoever started the agent over SSH is protected
// while it runs.
func (p *protection) hostOptions() hostnet.Options {
	return hostnet.Options{SSHConnection: os.Getenv("SSH_CONNECTION"), Guests: &p.guests}
}

// staticEntries is what a configuration protects. It may ask a resolver.
func staticEntries(c Config, log *slog.Logger) []policy.Entry {
	return append(c.Protect.Entries(), feedHosts(c.Sources, log)...)
}

// snapshot gives what is never blocked at this moment.
func (p *protection) snapshot() *policy.Protected { return p.current.Load() }

// protectedNow gives what is never blocked at this moment, nil where nothing is.
func (a *Agent) protectedNow() *policy.Protected {
	if a.hosts == nil {
		return nil
	}
	return a.hosts.snapshot()
}

// watch follows the host's addresses, routes and resolvers until ctx ends.
func (p *protection) watch(ctx context.Context) {
	defer p.ends.Stop()
	_ = hostnet.Watch(ctx, p.hostOptions(), p.take, p.failed) // it ends with ctx only
}

func (p *protection) take(found hostnet.Snapshot) {
	found.Entries = markRouter(found.Entries, found.Forwards4, found.Forwards6)
	p.home.Store(policy.NewHome(found.Networks...))
	p.mu.Lock()
	p.found = p.withGuests(found.Entries)
	p.mu.Unlock()
	p.refresh()
}

// setStatic replaces what the configuration protects.
func (p *protection) setStatic(entries []policy.Entry) {
	p.mu.Lock()
	p.static = entries
	p.mu.Unlock()
	p.refresh()
}

// entries gives what the configuration and this host bring.
func (p *protection) entries() (static, found []policy.Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.static), slices.Clone(p.found)
}

// with gives what would never be blocked if the configuration said static and
// the allow list allowed.
func (p *protection) with(static []policy.Entry, allowed []allowlist.Entry) *policy.Protected {
	p.mu.Lock()
	defer p.mu.Unlock()
	allowed, _ = allowlist.InForce(allowed, time.Now())
	return policy.NewProtected(p.all(static, allowed)...)
}

// all puts together what is never blocked. Whoever calls it holds mu.
func (p *protection) all(static []policy.Entry, allowed []allowlist.Entry) []policy.Entry {
	all := slices.Concat(p.found, static)
	for _, e := range allowed {
		all = append(all, policy.Entry{Prefix: e.Network, Kind: policy.KindAllow, Why: whyAllowed(e)})
	}
	return all
}

// refresh makes a new snapshot where something has changed, for each is compared
// with all blocks in force; and sees to it that there is another one when an allow
// entry ends.
func (p *protection) refresh() {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	allowed, next := p.allowed.Entries(now)
	if !next.IsZero() {
		p.ends.Reset(max(next.Sub(now), time.Millisecond))
	}
	all := p.all(p.static, allowed)
	if p.current.Load() != nil && slices.Equal(all, p.holds) {
		return
	}
	p.holds = all
	p.current.Store(policy.NewProtected(all...))
}

// whyAllowed completes "10.0.0.1 is ...".
func whyAllowed(e allowlist.Entry) string {
	why := "allowed"
	if e.By != "" {
		why += " by " + e.By
	}
	if !e.Until.IsZero() {
		why += " until " + e.Until.UTC().Format("2006-01-02 15:04 UTC")
	}
	if e.Comment != "" {
		why += ": " + e.Comment
	}
	return why
}

func (p *protection) failed(err error) {
	p.log.Warn("not everything that must never be blocked is known; what was known stays protected", "error", err)
}

// markRouter gives the entries with a note that others may be behind the own addresses
// of the IP versions that this host forwards. Most routers translate no IPv6; but to
// those that do (NAT66) every client of theirs looks like themselves, too. The snapshot
// that they are of stays as it is.
func markRouter(entries []policy.Entry, forwards4, forwards6 bool) []policy.Entry {
	entries = slices.Clone(entries)
	for i := range entries {
		e := &entries[i]
		forwards := forwards6
		if e.Prefix.Addr().Is4() {
			forwards = forwards4
		}
		if e.Kind == policy.KindOwn && forwards {
			e.Kind = policy.KindRouter
			e.Why += " (this host forwards: its clients may be behind it; let Argus watch the LAN side)"
		}
	}
	return entries
}

// lookupTime is how long finding the address of a feed's host may take.
const lookupTime = 3 * time.Second

// feedHosts gives the hosts that flows come from: an agent that blocks its own
// feed is blind.
func feedHosts(sources []SourceConfig, log *slog.Logger) []policy.Entry {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	var entries []policy.Entry
	for _, s := range sources {
		u, err := url.Parse(s.URL)
		if err != nil || u.Scheme != "argus" {
			continue
		}
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
		if err != nil {
			log.Warn("the address of a feed is not known, so it is not protected", "source", s.URL, "error", err)
		}
		for _, ip := range ips {
			ip = ip.Unmap().WithZone("")
			entries = append(entries, policy.Entry{
				Prefix: netip.PrefixFrom(ip, ip.BitLen()), Kind: policy.KindFeed, Why: "the host of the feed " + s.URL,
			})
		}
	}
	return entries
}
