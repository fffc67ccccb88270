package agent

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/policy"
)

// guestBook is an operator that protects whoever changes something over SSH,
// before the change: nobody cuts himself off with the command line. Who only reads
// is not noted. Where a client comes from is what its environment says, and
// whoever may not change anything must not protect an address of his choice.
type guestBook struct{ operator }

var _ control.Backend = guestBook{}

func (g guestBook) note(by history.Who) {
	if g.hosts == nil {
		return
	}
	ip, err := netip.ParseAddr(by.From)
	if err != nil || !g.hosts.guest(ip, time.Now()) {
		return
	}
	g.log.Info("protected: the command line is used from there", "address", ip.String(), "by", whoText(by))
	g.checkNow()
}

// guest protects an address that the command line is used from; isNew tells that
// it was not yet.
func (p *protection) guest(ip netip.Addr, now time.Time) (isNew bool) {
	p.guests.Note(ip, now)
	p.mu.Lock()
	before := len(p.found)
	p.found = p.withGuests(p.found)
	isNew = len(p.found) > before
	p.mu.Unlock()
	if isNew {
		p.refresh()
	}
	return isNew
}

// withGuests adds to what this host needs where the command line is used from: what
// was found may have been looked for before the newest guest came.
func (p *protection) withGuests(found []policy.Entry) []policy.Entry {
	found = slices.Clip(found)
	for _, e := range p.guests.Entries(time.Now()) {
		if !slices.Contains(found, e) {
			found = append(found, e)
		}
	}
	return found
}

// AddBlock notes the guest and blocks by hand.
func (g guestBook) AddBlock(ctx context.Context, by history.Who, r control.BlockRequest) (control.BlockInfo, error) {
	g.note(by)
	return g.operator.AddBlock(ctx, by, r)
}

// RemoveBlock notes the guest and lifts a block.
func (g guestBook) RemoveBlock(ctx context.Context, by history.Who, idOrTuple string) (control.BlockInfo, error) {
	g.note(by)
	return g.operator.RemoveBlock(ctx, by, idOrTuple)
}

// FlushBlocks notes the guest and lifts all blocks.
func (g guestBook) FlushBlocks(ctx context.Context, by history.Who) (int, error) {
	g.note(by)
	return g.operator.FlushBlocks(ctx, by)
}

// AddAllow notes the guest and adds an allow entry.
func (g guestBook) AddAllow(ctx context.Context, by history.Who, r control.Allow) (control.AllowResult, error) {
	g.note(by)
	return g.operator.AddAllow(ctx, by, r)
}

// RemoveAllow notes the guest and takes an allow entry away.
func (g guestBook) RemoveAllow(ctx context.Context, by history.Who, network string) (control.Allow, error) {
	g.note(by)
	return g.operator.RemoveAllow(ctx, by, network)
}

// Reload notes the guest and reloads.
func (g guestBook) Reload(ctx context.Context, by history.Who, r control.ReloadRequest) (control.ReloadResult, error) {
	g.note(by)
	return g.operator.Reload(ctx, by, r)
}

// Panic notes the guest and ends all blocking.
func (g guestBook) Panic(ctx context.Context, by history.Who) (control.PauseResult, error) {
	g.note(by)
	return g.operator.Panic(ctx, by)
}

// Resume notes the guest and lets the agent block again.
func (g guestBook) Resume(ctx context.Context, by history.Who) (control.PauseResult, error) {
	g.note(by)
	return g.operator.Resume(ctx, by)
}
