package controltest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// Backend is an agent that only remembers. Its fields may be set before it is
// used; its methods are safe for concurrent use.
type Backend struct {
	State       status.Status
	Known       []detection.TupleInfo
	Past        []history.Event // the newest first
	InForce     []control.BlockInfo
	Allowed     []control.Allow
	Reloaded    control.ReloadResult
	WouldBe     control.WhatIfResult
	Explanation control.Explanation
	// Fail is what every method gives, where it is set; Wait keeps every method
	// until its context ends.
	Fail error
	Wait bool
	// Now is the time of what is changed.
	Now time.Time

	mu        sync.Mutex
	by        []history.Who
	followers []chan history.Event
}

// By gives who changed something, in order.
func (b *Backend) By() []history.Who {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.by)
}

func (b *Backend) enter(ctx context.Context) error {
	if b.Wait {
		<-ctx.Done()
		return ctx.Err()
	}
	return b.Fail
}

// change enters a method that changes something, with the lock held.
func (b *Backend) change(ctx context.Context, by history.Who) error {
	if err := b.enter(ctx); err != nil {
		return err
	}
	b.mu.Lock()
	b.by = append(b.by, by)
	return nil
}

// Status implements control.Backend.
func (b *Backend) Status() status.Status { return b.State }

// Tuples implements control.Backend.
func (b *Backend) Tuples(ctx context.Context, q control.TupleQuery) (control.TupleRows, error) {
	if err := b.enter(ctx); err != nil {
		return control.TupleRows{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	list := control.TupleList{Known: len(b.Known)}
	for _, t := range b.Known {
		if fits(q.Match, t.Tuple.String()) && inHost(q.Host, t.Tuple) && fits(strings.ToLower(q.Label), strings.ToLower(t.Label)) &&
			(!q.Detected || t.Label != "") && t.Flows >= q.MinFlows {
			list.Tuples = append(list.Tuples, control.TupleRow{TupleInfo: t})
		}
	}
	switch q.Sort {
	case control.SortFlows:
		slices.SortStableFunc(list.Tuples, func(a, b control.TupleRow) int { return cmp.Compare(b.Flows, a.Flows) })
	case control.SortDetections:
		slices.SortStableFunc(list.Tuples, func(a, b control.TupleRow) int { return cmp.Compare(b.Detections, a.Detections) })
	case control.SortScore:
		slices.SortStableFunc(list.Tuples, func(a, b control.TupleRow) int { return cmp.Compare(b.Score, a.Score) })
	}
	list.Matching = len(list.Tuples)
	list.Tuples = part(list.Tuples, q.Offset, q.Limit)
	states := map[argusfeed.Tuple]enforce.State{}
	for i := range b.InForce {
		states[b.InForce[i].Tuple] = b.InForce[i].State
	}
	for i := range list.Tuples {
		list.Tuples[i].Block = states[list.Tuples[i].Tuple]
		switch t := &list.Tuples[i]; {
		case q.Letters < 0:
			t.Letters = ""
		case len(t.Letters) > q.Letters:
			t.Letters, t.Cut = t.Letters[len(t.Letters)-q.Letters:], true
		}
	}
	left := list.Tuples
	return control.TupleRows{Known: list.Known, Matching: list.Matching, Next: func(context.Context) ([]control.TupleRow, error) {
		if len(left) == 0 {
			return nil, io.EOF
		}
		portion := left[:min(10, len(left))]
		left = left[len(portion):]
		return portion, nil
	}}, nil
}

// Explain implements control.Backend.
func (b *Backend) Explain(ctx context.Context, tuple argusfeed.Tuple) (control.Explanation, error) {
	if err := b.enter(ctx); err != nil {
		return control.Explanation{}, err
	}
	if tuple != b.Explanation.Tuple {
		return control.Explanation{}, fmt.Errorf("%w: nothing is known of %s", control.ErrNotFound, tuple)
	}
	return b.Explanation, nil
}

// Events implements control.Backend.
func (b *Backend) Events(ctx context.Context, q history.Query) (history.Page, error) {
	if err := b.enter(ctx); err != nil {
		return history.Page{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var page history.Page
	begun := q.After == ""
	for _, e := range b.Past {
		if !begun {
			begun = e.ID == q.After
			continue
		}
		if !wanted(e, q) {
			continue
		}
		if len(page.Events) == q.Limit {
			page.Next = page.Events[q.Limit-1].ID
			break
		}
		page.Events = append(page.Events, e)
	}
	return page, nil
}

func wanted(e history.Event, q history.Query) bool {
	var tuple, label string
	if e.Decision != nil {
		tuple, label = e.Decision.Tuple.String(), e.Decision.Label
	}
	return (len(q.Kinds) == 0 || slices.Contains(q.Kinds, e.Kind)) &&
		(q.ID == "" || e.ID == q.ID) && (q.Tuple == "" || tuple == q.Tuple) &&
		(q.Host == "" || e.Decision != nil && inHost(q.Host, e.Decision.Tuple)) &&
		fits(strings.ToLower(q.Label), strings.ToLower(label)) &&
		!e.Time.Before(q.Since) && (q.Until.IsZero() || e.Time.Before(q.Until))
}

// followerQueue is how many events wait for a follower.
const followerQueue = 16

// Follow implements control.Backend.
func (b *Backend) Follow(ctx context.Context) (<-chan history.Event, error) {
	if b.Fail != nil {
		return nil, b.Fail
	}
	c := make(chan history.Event, followerQueue)
	b.mu.Lock()
	b.followers = append(b.followers, c)
	b.mu.Unlock()
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.followers = slices.DeleteFunc(b.followers, func(f chan history.Event) bool { return f == c })
		close(c)
	})
	return c, nil
}

// Happen tells the followers of an event; those that are too slow lose it.
func (b *Backend) Happen(e history.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.Past = slices.Insert(b.Past, 0, e)
	for _, f := range b.followers {
		select {
		case f <- e:
		default:
		}
	}
}

// Followers tells how many there are.
func (b *Backend) Followers() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.followers)
}

// Blocks implements control.Backend.
func (b *Backend) Blocks(ctx context.Context, q control.BlockQuery) (control.BlockList, error) {
	if err := b.enter(ctx); err != nil {
		return control.BlockList{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	list := control.BlockList{Total: len(b.InForce), DryRun: b.State.Enforce.DryRun}
	for _, i := range b.InForce {
		if fits(q.Match, i.Tuple.String()) && inHost(q.Host, i.Tuple) && (q.State == "" || i.State == q.State) {
			list.Blocks = append(list.Blocks, i)
		}
	}
	list.Matching = len(list.Blocks)
	list.Blocks = part(list.Blocks, q.Offset, q.Limit)
	return list, nil
}

// AddBlock implements control.Backend. Destinations inside 192.0.2.0/24 are
// protected, and those inside 198.51.100.0/24 allowed.
func (b *Backend) AddBlock(ctx context.Context, by history.Who, r control.BlockRequest) (control.BlockInfo, error) {
	if err := b.change(ctx, by); err != nil {
		return control.BlockInfo{}, err
	}
	defer b.mu.Unlock()
	switch {
	case inHost("192.0.2.0/24", r.Tuple):
		return control.BlockInfo{}, fmt.Errorf("%w: %s is this host's gateway; nothing overrides that", control.ErrRefused, r.Tuple.Dst)
	case inHost("198.51.100.0/24", r.Tuple) && !r.Force:
		return control.BlockInfo{}, fmt.Errorf("%w: %s is allowed (198.51.100.0/24); force overrides it", control.ErrRefused, r.Tuple.Dst)
	}
	d := cmp.Or(r.Duration, time.Hour)
	info := control.BlockInfo{
		ID: fmt.Sprintf("01a20b4d-0000-7000-8000-%012d", 900+len(b.InForce)), Tuple: r.Tuple, Scope: cmp.Or(r.Scope, policy.ScopeTuple),
		Verdict: cmp.Or(r.Verdict, policy.VerdictDrop),
		Label:   "by hand", State: enforce.StateBlocked, Since: b.Now, Until: b.Now.Add(d), Left: d.Seconds(),
		Reason: cmp.Or(r.Comment, "by hand"), By: &by,
	}
	b.InForce = slices.Insert(b.InForce, 0, info)
	return info, nil
}

// RemoveBlock implements control.Backend.
func (b *Backend) RemoveBlock(ctx context.Context, by history.Who, idOrTuple string) (control.BlockInfo, error) {
	if err := b.change(ctx, by); err != nil {
		return control.BlockInfo{}, err
	}
	defer b.mu.Unlock()
	for i, info := range b.InForce {
		if info.ID == idOrTuple || info.Tuple.String() == idOrTuple {
			b.InForce = slices.Delete(b.InForce, i, i+1)
			return info, nil
		}
	}
	return control.BlockInfo{}, fmt.Errorf("%w: no block has the id or the tuple %q", control.ErrNotFound, idOrTuple)
}

// FlushBlocks implements control.Backend.
func (b *Backend) FlushBlocks(ctx context.Context, by history.Who) (int, error) {
	if err := b.change(ctx, by); err != nil {
		return 0, err
	}
	defer b.mu.Unlock()
	n := len(b.InForce)
	b.InForce = nil
	return n, nil
}

// Allows implements control.Backend.
func (b *Backend) Allows(ctx context.Context) ([]control.Allow, error) {
	if err := b.enter(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.Allowed), nil
}

// AddAllow implements control.Backend.
func (b *Backend) AddAllow(ctx context.Context, by history.Who, a control.Allow) (control.AllowResult, error) {
	if err := b.change(ctx, by); err != nil {
		return control.AllowResult{}, err
	}
	defer b.mu.Unlock()
	a.Since, a.From = b.Now, "allow"
	b.Allowed = append(b.Allowed, a)
	result := control.AllowResult{Allow: a}
	for _, i := range b.InForce {
		if inHost(a.Network, i.Tuple) {
			result.Lifted = append(result.Lifted, i)
		}
	}
	b.InForce = slices.DeleteFunc(b.InForce, func(i control.BlockInfo) bool { return inHost(a.Network, i.Tuple) })
	return result, nil
}

// RemoveAllow implements control.Backend.
func (b *Backend) RemoveAllow(ctx context.Context, by history.Who, network string) (control.Allow, error) {
	if err := b.change(ctx, by); err != nil {
		return control.Allow{}, err
	}
	defer b.mu.Unlock()
	for i, a := range b.Allowed {
		if a.Network != network {
			continue
		}
		if a.From != "allow" {
			return control.Allow{}, fmt.Errorf("%w: %s is from slips.toml ([protect]); take it out there and reload", control.ErrRefused, network)
		}
		b.Allowed = slices.Delete(b.Allowed, i, i+1)
		return a, nil
	}
	return control.Allow{}, fmt.Errorf("%w: there is no entry %s", control.ErrNotFound, network)
}

// Reload implements control.Backend.
func (b *Backend) Reload(ctx context.Context, by history.Who, r control.ReloadRequest) (control.ReloadResult, error) {
	if err := b.change(ctx, by); err != nil {
		return control.ReloadResult{}, err
	}
	defer b.mu.Unlock()
	if b.Reloaded.Changes == nil && b.Reloaded.Unwanted == nil {
		return control.ReloadResult{}, errors.New("slips.toml:2: policy.action: \"deny\" is not allowed; use block, alert or ignore")
	}
	result := b.Reloaded
	result.Lifted = r.Lift && !r.Check
	return result, nil
}

// WhatIf implements control.Backend. A configuration with "deny" in its first line is wrong.
func (b *Backend) WhatIf(ctx context.Context, r control.WhatIfRequest) (control.WhatIfResult, error) {
	if err := b.enter(ctx); err != nil {
		return control.WhatIfResult{}, err
	}
	if first, _, _ := strings.Cut(r.Config, "\n"); strings.Contains(first, "deny") {
		return control.WhatIfResult{}, &control.ConfigError{Mistakes: []control.Mistake{
			{Line: 1, Key: "policy.action", What: `"deny" is not allowed; use block, alert or ignore`},
		}}
	}
	result := b.WouldBe
	result.Since, result.Until = r.Since, r.Until
	return result, nil
}

// Panic implements control.Backend.
func (b *Backend) Panic(ctx context.Context, by history.Who) (control.PauseResult, error) {
	if err := b.change(ctx, by); err != nil {
		return control.PauseResult{}, err
	}
	defer b.mu.Unlock()
	n := len(b.InForce)
	b.InForce = nil
	b.State.Enforce.Paused, b.State.Enforce.PausedBy, b.State.Enforce.Hindrance = b.Now, by.User, status.HindrancePaused
	return control.PauseResult{Paused: true, Since: b.Now, By: by.User, Lifted: n, DryRun: b.State.Enforce.DryRun}, nil
}

// Resume implements control.Backend.
func (b *Backend) Resume(ctx context.Context, by history.Who) (control.PauseResult, error) {
	if err := b.change(ctx, by); err != nil {
		return control.PauseResult{}, err
	}
	defer b.mu.Unlock()
	e := &b.State.Enforce
	result := control.PauseResult{Since: e.Paused, By: e.PausedBy, DryRun: e.DryRun}
	e.Paused, e.PausedBy, e.Hindrance = time.Time{}, "", ""
	return result, nil
}

func part[T any](list []T, offset, limit int) []T {
	list = list[min(offset, len(list)):]
	return list[:min(limit, len(list))]
}

func fits(glob, text string) bool {
	if glob == "" {
		return true
	}
	ok, _ := path.Match(glob, text)
	return ok
}

func inHost(host string, t argusfeed.Tuple) bool {
	if host == "" {
		return true
	}
	network, err := control.ParseNetwork(host)
	if err != nil {
		return false
	}
	for _, end := range []argusfeed.Addr{t.Src, t.Dst} {
		if ip, ok := end.IP(); ok && network.Contains(ip) {
			return true
		}
	}
	return false
}
