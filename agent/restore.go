package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"slips-ips/agent/allowlist"
	"slips-ips/agent/history"
	"slips-ips/agent/hostnet"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// liftStep is how many lifts of blocks that are not restored the history is given
// before it has to have written them.
const liftStep = 1000

// restore puts in force what by the history is and the kernel has lost, as after a
// reboot, with the time that is left. It gives when each block of the history
// began, by its id.
//
// It runs before the pipeline and the control socket do, and so beside nothing that
// lifts: what somebody lifts meanwhile cannot come back. Feeds begin that much
// later, a second or two for 100,000 blocks; the blocks of a kernel that lost none
// cost the reading of the history.
func (a *Agent) restore(ended time.Time) map[string]time.Time {
	if a.kept.history == nil || a.enforcer.DryRun() || a.enforcer.Paused() {
		return nil
	}
	start := time.Now()
	known, err := a.kept.history.Blocks(context.Background())
	if err != nil {
		a.log.Error("not all blocks of before are known, and those are not restored", "error", err)
	}
	known, blocks := leftOf(known, start, ended)
	begun := make(map[string]time.Time, len(blocks))
	restored, gone := 0, 0
	for i, r := range a.enforcer.Restore(blocks) {
		begun[r.Block.ID] = known[i].Since
		switch {
		case r.Err == nil && !r.Before:
			restored++
		case r.Err == nil:
		case errors.Is(r.Err, enforce.ErrRefused):
			gone++
			a.tellLift(known[i].Block, known[i].Since, start, history.EndProtected, "it was not restored: "+r.Err.Error(), nil)
		case errors.Is(r.Err, enforce.ErrFull):
			gone++
			a.tellLift(known[i].Block, known[i].Since, start, history.EndGone, "it was not restored: "+r.Err.Error(), nil)
		default: // it stays wanted, and is tried again
			a.log.Error("a block of before could not be restored yet", "tuple", r.Block.Tuple.String(), "error", r.Err)
		}
		if gone > 0 && gone%liftStep == 0 {
			ctx, cancel := context.WithTimeout(context.Background(), stageTime)
			_ = a.kept.history.Flush(ctx) // it says itself why it cannot
			cancel()
		}
	}
	if restored+gone == 0 {
		return begun
	}
	text := fmt.Sprintf("%d blocks that were in force before are so again, for the time they had left", restored)
	if gone > 0 {
		text += fmt.Sprintf("; %d are not, because they must not be or there is no room", gone)
	}
	a.log.Warn("restored blocks of before", "blocks", restored, "not_restored", gone, "took", time.Since(start).Round(time.Millisecond))
	a.events.tell(history.Event{Kind: history.KindAgent, Text: text})
	return begun
}

// leftOf gives those of the known blocks that are to be restored, and what is to be
// restored of each. A block never lasts for longer than it was made for: the clock
// of a router that has just booted may be wrong by years.
func leftOf(known []history.Block, now, ended time.Time) (kept []history.Block, left []policy.Block) {
	for _, k := range known {
		b := k.Block
		if !ended.IsZero() && !k.Since.After(ended) {
			continue // a pause ended it
		}
		b.Duration = min(k.Until.Sub(now), b.Duration)
		if b.Duration <= 0 {
			continue
		}
		kept, left = append(kept, k), append(left, b)
	}
	return kept, left
}

// Restored tells what became of RestoreOnce.
type Restored struct {
	enforce.Restored
	// Nothing says why there was nothing to restore; empty: there was.
	Nothing string
}

// RestoreOnce puts in force what by the history is and the kernel has lost, and
// ends: before packets are forwarded, and before the network is there. It changes
// nothing of the history; the agent that starts later adopts the blocks, lifts what
// must not be, and tells. Nothing is asked of resolvers.
func RestoreOnce(ctx context.Context, c Config) (Restored, error) {
	return restoreOnce(ctx, c, 0)
}

func restoreOnce(ctx context.Context, c Config, netns int) (Restored, error) {
	if err := c.Validate(); err != nil {
		return Restored{}, err
	}
	nothing := func(format string, args ...any) (Restored, error) {
		return Restored{Nothing: fmt.Sprintf(format, args...)}, nil
	}
	switch {
	case c.Agent.Mode != ModeEnforce:
		return nothing("the mode is %s, which blocks nothing ([agent] mode)", c.Agent.Mode)
	case c.Agent.State == "":
		return nothing("no state is kept ([agent] state), so there is no history of blocks")
	}
	mark, paused := readPause(pausePath(c))
	if paused && !mark.Over {
		return nothing("%s", mark.words())
	}
	now := time.Now()
	known, unread := history.ReadBlocks(ctx, filepath.Join(c.Agent.State, "history.db"), now)
	_, blocks := leftOf(known, now, mark.Since)
	if len(blocks) == 0 {
		if unread != nil {
			return Restored{}, unread
		}
		return nothing("by the history no block is in force")
	}
	protected, err := protectedEarly(c, netns)
	if err != nil {
		return Restored{}, err
	}
	cfg := c.Enforce
	if cfg.Ownership == enforce.OwnershipOwner {
		cfg.Ownership = enforce.OwnershipAuto // the table must outlive this process
	}
	r, err := enforce.RestoreOnce(cfg, enforce.Options{NetNS: netns, Protected: func() *policy.Protected { return protected }}, blocks)
	if errors.Is(err, enforce.ErrInUse) {
		return nothing("an agent enforces the table inet %s already, and restores its blocks itself", cfg.Table)
	}
	return Restored{Restored: r}, errors.Join(err, unread)
}

// protectedEarly is what is never blocked as far as that is known without a network.
func protectedEarly(c Config, netns int) (*policy.Protected, error) {
	entries := c.Protect.Entries()
	for _, s := range c.Sources {
		if u, err := url.Parse(s.URL); err == nil && u.Scheme == "argus" {
			if ip, err := netip.ParseAddr(u.Hostname()); err == nil {
				ip = ip.Unmap().WithZone("")
				entries = append(entries, policy.Entry{Prefix: netip.PrefixFrom(ip, ip.BitLen()), Kind: policy.KindFeed, Why: "the host of the feed " + s.URL})
			}
		}
	}
	allowed, err := allowlist.Open(filepath.Join(c.Agent.State, "allow.json"))
	if err != nil {
		return nil, err
	}
	list, _ := allowed.Entries(time.Now())
	for _, e := range list {
		entries = append(entries, policy.Entry{Prefix: e.Network, Kind: policy.KindAllow, Why: whyAllowed(e)})
	}
	opt := hostnet.Options{SSHConnection: os.Getenv("SSH_CONNECTION")}
	opt.NetNS = netns
	found, _ := hostnet.Discover(opt) // what cannot be found out now the agent will
	found.Entries = markRouter(found.Entries, found.Forwards4, found.Forwards6)
	return policy.NewProtected(append(found.Entries, entries...)...), nil
}
