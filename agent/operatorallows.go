package agent

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"slips-ips/agent/allowlist"
	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/policy"
)

// Allows lists what is never blocked.
func (o operator) Allows(context.Context) ([]control.Allow, error) {
	now := time.Now()
	list := []control.Allow{}
	entries, _ := o.kept.allowed.Entries(now)
	for _, e := range entries {
		list = append(list, allowOf(e))
	}
	if o.hosts == nil {
		return list, nil
	}
	static, found := o.hosts.entries()
	for _, e := range static {
		list = append(list, control.Allow{Network: e.Prefix.String(), Comment: e.Why, From: control.FromConfig})
	}
	for _, e := range found {
		list = append(list, control.Allow{Network: e.Prefix.String(), Comment: e.Why, From: control.FromHost})
	}
	return list, nil
}

func allowOf(e allowlist.Entry) control.Allow {
	return control.Allow{Network: e.Network.String(), Comment: e.Comment, Since: e.Since, Until: e.Until, By: e.By, From: control.FromAllow}
}

// AddAllow adds an allow entry, and lifts the blocks that it covers at once.
func (o operator) AddAllow(_ context.Context, by history.Who, r control.Allow) (control.AllowResult, error) {
	network, err := parseNetwork(r.Network)
	if err != nil {
		return control.AllowResult{}, err
	}
	if network.Bits() == 0 {
		return control.AllowResult{}, fmt.Errorf("%w: %s is every address: to block nothing use mode dry-run", control.ErrInvalid, network)
	}
	now := time.Now().UTC()
	if !r.Until.IsZero() && !r.Until.After(now) {
		return control.AllowResult{}, fmt.Errorf("%w: the entry would have ended at %s already", control.ErrInvalid, r.Until.UTC().Format(time.RFC3339))
	}
	e := allowlist.Entry{Network: network, Comment: r.Comment, Since: now, Until: r.Until, By: whoText(by)}
	// What cannot be written counts all the same: somebody may be cut off just now.
	warning := ""
	err = o.kept.allowed.Add(e, now)
	if errors.Is(err, allowlist.ErrUnsaved) {
		warning = err.Error()
		o.log.Error("an allow entry would be forgotten by a restart", "network", network.String(), "error", err)
	} else if err != nil {
		return control.AllowResult{}, err
	}
	o.changed(by, "allow: "+network.String()+" added", r.Comment)
	lifted := o.allowChanged()
	if o.enforcer != nil {
		lifted = append(lifted, o.liftForced(network, by)...)
	}
	return control.AllowResult{Allow: allowOf(e), Lifted: lifted, Warning: warning}, nil
}

// liftForced lifts the blocks that were made against the allow list: what was
// asked for last counts.
func (o operator) liftForced(network netip.Prefix, by history.Who) []control.BlockInfo {
	lifted := []control.BlockInfo{}
	for active := range o.enforcer.Newest() {
		b := active.Block
		if !b.Forced || !within(network, b.Tuple.Src) && !within(network, b.Tuple.Dst) {
			continue
		}
		info := o.blockInfo(active)
		if r := o.enforcer.Lift([]policy.Block{b})[0]; r.Err != nil {
			o.log.Error("a block of what is allowed now could not be lifted", "tuple", b.Tuple.String(), "error", r.Err)
			continue
		}
		o.tellLift(b, active.Since, time.Now(), history.EndProtected, network.String()+" is allowed since now", &by)
		lifted = append(lifted, info)
	}
	return lifted
}

// RemoveAllow takes an allow entry away.
func (o operator) RemoveAllow(_ context.Context, by history.Who, network string) (control.Allow, error) {
	n, err := parseNetwork(network)
	if err != nil {
		return control.Allow{}, err
	}
	e, err := o.kept.allowed.Remove(n, time.Now())
	if errors.Is(err, allowlist.ErrMissing) {
		return control.Allow{}, fmt.Errorf("%w: %s was not allowed by hand; `slips-ips allow list` tells where entries come from", control.ErrNotFound, n)
	}
	if errors.Is(err, allowlist.ErrUnsaved) {
		o.log.Error("a removed allow entry would be back after a restart", "network", n.String(), "error", err)
	} else if err != nil {
		return control.Allow{}, err
	}
	o.changed(by, "allow: "+n.String()+" removed", e.Comment)
	o.allowChanged()
	return allowOf(e), nil
}

// allowChanged puts the allow list in force.
func (o operator) allowChanged() []control.BlockInfo {
	if o.hosts == nil {
		return []control.BlockInfo{}
	}
	o.hosts.refresh()
	lifted := []control.BlockInfo{}
	for _, l := range o.checkNow() {
		lifted = append(lifted, l.Block)
	}
	return lifted
}

// changed tells what a person changed.
func (o operator) changed(by history.Who, what, comment string) {
	text := what + " by " + whoText(by)
	if comment != "" {
		text += ": " + comment
	}
	o.log.Info("changed by hand", "what", what, "by", whoText(by), "comment", comment)
	o.events.tell(history.Event{Kind: history.KindChange, By: &by, Text: text, Changes: []string{what}})
}
