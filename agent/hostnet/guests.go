package hostnet

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"slips-ips/policy"
)

// Guests remembers where people used the command line from over SSH, so that
// nobody locks himself out with it. It is safe for concurrent use; its zero value
// is empty.
type Guests struct {
	mu   sync.Mutex
	seen map[netip.Addr]time.Time
}

const (
	// GuestTime is how long a guest is protected after the last command.
	GuestTime = 24 * time.Hour
	// MaxGuests are remembered; beyond it the one goes that was there longest ago.
	MaxGuests = 64
)

// Note takes note of a command from an address at a time. An address of this host,
// and none, is nobody's.
func (g *Guests) Note(ip netip.Addr, now time.Time) {
	if ip = ip.Unmap().WithZone(""); !ip.IsValid() || ip.IsLoopback() || ip.IsUnspecified() {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil {
		g.seen = make(map[netip.Addr]time.Time)
	}
	g.seen[ip] = now
	for len(g.seen) > MaxGuests {
		oldest := ip
		for other, at := range g.seen {
			if at.Before(g.seen[oldest]) {
				oldest = other
			}
		}
		delete(g.seen, oldest)
	}
}

// Entries gives those that are still protected. A nil Guests has none.
func (g *Guests) Entries(now time.Time) []policy.Entry {
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []policy.Entry
	for ip, at := range g.seen {
		if now.Sub(at) > GuestTime {
			delete(g.seen, ip)
			continue
		}
		all = append(all, entry(ip, policy.KindCLI, "where the command line was used from"))
	}
	slices.SortFunc(all, func(a, b policy.Entry) int { return cmp.Compare(a.Prefix.String(), b.Prefix.String()) })
	return all
}
