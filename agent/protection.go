package agent

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"slips-ips/agent/hostnet"
	"slips-ips/policy"
)

// protection keeps what is never blocked: what [protect] says and what this
// host needs. It is safe for concurrent use.
type protection struct {
	log *slog.Logger
	// static is what [protect] says, and the hosts of the feeds.
	static  []policy.Entry
	current atomic.Pointer[policy.Protected]
}

func newProtection(c Config, log *slog.Logger) *protection {
	p := &protection{log: log, static: append(c.Protect.Entries(), feedHosts(c.Sources, log)...)}
	// Where not everything can be found out, what was found is protected.
	found, err := hostnet.Discover(hostnet.Options{})
	if err != nil {
		p.failed(err)
	}
	p.take(found)
	return p
}

// snapshot gives what is never blocked at this moment.
func (p *protection) snapshot() *policy.Protected { return p.current.Load() }

// watch follows the host's addresses, routes and resolvers until ctx ends.
func (p *protection) watch(ctx context.Context) {
	_ = hostnet.Watch(ctx, hostnet.Options{}, p.take, p.failed) // it ends with ctx only
}

func (p *protection) take(found hostnet.Snapshot) {
	if forwards() {
		markRouter(found.Entries)
	}
	p.current.Store(policy.NewProtected(append(found.Entries, p.static...)...))
}

func (p *protection) failed(err error) {
	p.log.Warn("not everything that must never be blocked is known; what was known stays protected", "error", err)
}

// forwarding is where Linux says that it forwards IPv4. IPv6 is not masked.
const forwarding = "/proc/sys/net/ipv4/ip_forward"

func forwards() bool {
	text, err := os.ReadFile(forwarding)
	return err == nil && strings.TrimSpace(string(text)) != "0"
}

// markRouter notes that others may be behind the own IPv4 addresses.
func markRouter(entries []policy.Entry) {
	for i := range entries {
		if e := &entries[i]; e.Kind == policy.KindOwn && e.Prefix.Addr().Is4() {
			e.Kind = policy.KindRouter
			e.Why += " (this host forwards: its clients may be behind it; let Argus watch the LAN side)"
		}
	}
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
