package web

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/numbers"
	"slips-ips/argusfeed"
	"slips-ips/policy"
)

// action is something to do. plan reads the form and says what would be done; run
// does it.
type action struct {
	section string
	plan    func(*request, *fields) (*plan, error)
}

// plan is what would be done, for asking, and how.
type plan struct {
	// Title is the question, Button the answer to it; Facts say what it means.
	Title, Button string
	Facts         []string
	Blocks        []control.BlockInfo // that end by it
	// Danger marks what many notice.
	Danger bool
	// Fields are what the form carries on.
	Fields []field
	// Action and Back are addresses.
	Action, Back string
	run          func(context.Context, history.Who) (done, error)
}

type field struct{ Name, Value string }

// done is what was done.
type done struct {
	Text   string
	Notes  []string
	Blocks []control.BlockInfo
	// Ended tells that the blocks are not there any more.
	Ended bool
	Back  string
}

var actions = map[string]action{
	"block":    {"blocks", planBlock},
	"unblock":  {"blocks", planUnblock},
	"flush":    {"blocks", planFlush},
	"allow":    {"allows", planAllow},
	"disallow": {"allows", planDisallow},
	"panic":    {"overview", planPanic},
	"resume":   {"overview", planResume},
	"reload":   {"policy", planReload},
}

// do asks whether something is to be done, or does it where that was answered.
func (r *request) do() (answer, error) {
	name := r.PathValue("action")
	a, ok := actions[name]
	if !ok {
		return answer{}, fmt.Errorf("%w: there is no such action", control.ErrNotFound)
	}
	if !r.by.Change {
		return answer{}, fmt.Errorf("%w: %s may look on and not change anything (docs/web.md)", control.ErrForbidden, plain(r.by.Name))
	}
	f := fields{values: r.PostForm}
	p, err := a.plan(r, &f)
	if err = errors.Join(f.err, err); err != nil {
		return answer{}, err
	}
	p.Action = control.PagePath + "do/" + name
	p.Back = control.PagePath + a.section
	if a.section == "overview" {
		p.Back = control.PagePath
	}
	for name, values := range r.PostForm {
		if name != "form" && name != "sure" {
			p.Fields = append(p.Fields, field{name, values[0]})
		}
	}
	if r.PostForm.Get("sure") != "yes" {
		return answer{name: "confirm", title: p.Title, section: a.section, body: p}, nil
	}
	d, err := p.run(r.Context(), r.by.Who(r.Context()))
	if err != nil {
		return answer{}, err
	}
	d.Back = p.Back
	return answer{name: "done", title: "Done", section: a.section, body: d}, nil
}

// The limits of a block's length are those of [policy] duration.
const leastBlock, mostBlock = time.Second, 720 * time.Hour

func planBlock(r *request, f *fields) (*plan, error) {
	tuple, duration, comment, force := f.text("tuple"), f.duration("duration"), f.comment("comment"), f.flag("force")
	scope := policy.Scope(f.oneOf("scope", scopes...))
	verdict := policy.Verdict(f.oneOf("verdict", verdicts...))
	if f.err != nil {
		return nil, f.err
	}
	if duration != 0 && (duration < leastBlock || duration > mostBlock) {
		return nil, fmt.Errorf("%w: duration: use 1s to 30d, or nothing for what the policy says", control.ErrInvalid)
	}
	t, err := r.find(tuple, "")
	if err != nil {
		return nil, err
	}
	p := &plan{Title: "Block " + plain(t.String()) + "?", Button: "Block it", Facts: []string{
		covers(t, scope), howLong(duration),
	}, Danger: scope != policy.ScopeTuple}
	if verdict == asConfigured {
		verdict = ""
	}
	if r.p.agent.Status().Enforce.DryRun {
		p.Facts = append(p.Facts, "The agent runs in dry-run mode: it notes the block and drops nothing.")
	}
	if force {
		p.Facts = append(p.Facts, "The allow list and the limits of the policy are overridden; what this host needs for itself is not.")
	}
	p.run = func(ctx context.Context, by history.Who) (done, error) {
		b, err := r.p.agent.AddBlock(ctx, by, control.BlockRequest{Tuple: t, Scope: scope, Verdict: verdict, Duration: duration, Comment: comment, Force: force})
		if err != nil {
			return done{}, err
		}
		return done{Text: fmt.Sprintf("%s: %s until %s.", plain(b.Tuple.String()), b.State, when(b.Until)), Blocks: []control.BlockInfo{b}}, nil
	}
	return p, nil
}

// asConfigured stands for what [enforce] says.
const asConfigured = "as configured"

// The choices of the form, the default first.
var (
	scopes   = []string{string(policy.ScopeTuple), string(policy.ScopePair), string(policy.ScopeDestination), string(policy.ScopeSource)}
	verdicts = []string{asConfigured, string(policy.VerdictDrop), string(policy.VerdictReject)}
)

// covers says what a block stops.
func covers(t argusfeed.Tuple, s policy.Scope) string {
	src, dst := plain(t.Src.String()), plain(t.Dst.String())
	switch s {
	case policy.ScopePair:
		return fmt.Sprintf("From now on everything between %s and %s is stopped.", src, dst)
	case policy.ScopeDestination:
		return fmt.Sprintf("From now on everything to and from %s is stopped, whoever it is of.", dst)
	case policy.ScopeSource:
		return fmt.Sprintf("From now on everything to and from %s is stopped, but for what [enforce] lets a quarantined host keep.", src)
	}
	return fmt.Sprintf("From now on what goes from %s to port %s of %s over %s, and back, is stopped.", src, t.Port, dst, t.Proto)
}

func howLong(d time.Duration) string {
	if d == 0 {
		return "For as long as the policy says."
	}
	return "For " + numbers.Duration(d) + "."
}

func planUnblock(r *request, f *fields) (*plan, error) {
	id := f.text("block")
	if id == "" {
		return nil, fmt.Errorf("%w: which block?", control.ErrInvalid)
	}
	p := &plan{Title: "Lift the block " + plain(id) + "?", Button: "Lift it", Facts: []string{
		"Its traffic passes again at once. Another match may block it again: to prevent that, allow one of its addresses instead.",
	}}
	query := control.BlockQuery{Limit: control.MaxLimit}
	if t, err := argusfeed.FindTuple(id); err == nil {
		query.Match = control.ExactGlob(t.String())
	}
	list, err := r.p.agent.Blocks(r.Context(), query)
	if err != nil {
		return nil, err
	}
	for _, b := range list.Blocks {
		if b.ID == id || b.Tuple.String() == id {
			p.Title, p.Blocks = "Lift the block of "+plain(b.Tuple.String())+"?", []control.BlockInfo{b}
			break
		}
	}
	if p.Blocks == nil && len(list.Blocks) == list.Matching {
		return nil, fmt.Errorf("%w: there is no such block any more: it ran out, or somebody else lifted it", control.ErrNotFound)
	}
	p.run = func(ctx context.Context, by history.Who) (done, error) {
		b, err := r.p.agent.RemoveBlock(ctx, by, id)
		return done{Text: "The block of " + plain(b.Tuple.String()) + " is lifted."}, err
	}
	return p, nil
}

func planFlush(r *request, _ *fields) (*plan, error) {
	n := r.p.agent.Status().Policy.Blocks
	p := &plan{Title: fmt.Sprintf("Lift all %d blocks?", n), Button: "Lift all", Danger: true, Facts: []string{
		"Everything that is blocked passes again. Detection goes on, and what matches again is blocked again.",
	}}
	p.run = func(ctx context.Context, by history.Who) (done, error) {
		n, err := r.p.agent.FlushBlocks(ctx, by)
		return done{Text: fmt.Sprintf("%d blocks are lifted.", n)}, err
	}
	return p, nil
}

func planAllow(r *request, f *fields) (*plan, error) {
	network, duration, comment := f.host("network"), f.duration("duration"), f.comment("comment")
	if f.err != nil {
		return nil, f.err
	}
	if network == "" {
		return nil, fmt.Errorf("%w: network: missing; use an address or a network, as 203.0.113.9 or 203.0.113.0/24", control.ErrInvalid)
	}
	a := control.Allow{Network: network, Comment: comment}
	p := &plan{Title: "Never block " + plain(network) + "?", Button: "Allow it", Facts: []string{
		"Blocks of it end at once, and no detection and no hand blocks it while this entry is there.",
	}}
	if duration > 0 {
		a.Until = r.p.now().Add(duration).UTC()
		p.Facts = append(p.Facts, "The entry ends "+when(a.Until)+".")
	} else {
		p.Facts = append(p.Facts, "The entry has no end.")
	}
	if list, err := r.p.agent.Blocks(r.Context(), control.BlockQuery{Host: network, Limit: overviewBlocks}); err == nil {
		p.Blocks = list.Blocks
		p.Facts = append(p.Facts, fmt.Sprintf("Blocks that end by it now: %d.", list.Matching))
	}
	p.run = func(ctx context.Context, by history.Who) (done, error) {
		a.By = by.User
		result, err := r.p.agent.AddAllow(ctx, by, a)
		if err != nil {
			return done{}, err
		}
		d := done{Text: fmt.Sprintf("%s is never blocked from now on; %d blocks ended.", plain(result.Allow.Network), len(result.Lifted)), Blocks: result.Lifted, Ended: true}
		if result.Warning != "" {
			d.Notes = append(d.Notes, result.Warning)
		}
		return d, nil
	}
	return p, nil
}

func planDisallow(r *request, f *fields) (*plan, error) {
	network := f.host("network")
	if f.err != nil {
		return nil, f.err
	}
	all, err := r.p.agent.Allows(r.Context())
	if err != nil {
		return nil, err
	}
	same := func(a control.Allow) bool {
		is, err := control.ParseNetwork(a.Network)
		wanted, _ := control.ParseNetwork(network) // checked above
		return err == nil && is == wanted
	}
	if !slices.ContainsFunc(all, same) {
		return nil, fmt.Errorf("%w: %s is not in the allow list any more: its entry ended, or somebody else took it off", control.ErrNotFound, plain(network))
	}
	p := &plan{Title: "Take " + plain(network) + " off the allow list?", Button: "Take it off", Facts: []string{
		"From now on what is detected there is blocked as everywhere.",
	}}
	p.run = func(ctx context.Context, by history.Who) (done, error) {
		a, err := r.p.agent.RemoveAllow(ctx, by, network)
		return done{Text: plain(a.Network) + " is off the allow list."}, err
	}
	return p, nil
}

func planPanic(r *request, _ *fields) (*plan, error) {
	p := &plan{Title: "Turn all blocking off?", Button: "Turn all blocking off", Danger: true, Facts: []string{
		"All blocks end now, and nothing is blocked until somebody resumes, also after a restart. Detection and alerts go on.",
	}}
	p.run = func(ctx context.Context, by history.Who) (done, error) {
		result, err := r.p.agent.Panic(ctx, by)
		return done{Text: fmt.Sprintf("Blocking is off; %d blocks ended.", result.Lifted)}, err
	}
	return p, nil
}

func planResume(r *request, _ *fields) (*plan, error) {
	p := &plan{Title: "Block again?", Button: "Block again", Facts: []string{
		"What is decided from now on is blocked again. Blocks that ended by the pause do not come back by themselves.",
	}}
	p.run = func(ctx context.Context, by history.Who) (done, error) {
		_, err := r.p.agent.Resume(ctx, by)
		return done{Text: "Blocking is on again."}, err
	}
	return p, nil
}

// planReload asks the agent what a reload would change.
func planReload(r *request, _ *fields) (*plan, error) {
	p := &plan{Title: "Read the configuration again?", Button: "Reload"}
	result, err := r.p.agent.Reload(r.Context(), history.Who{}, control.ReloadRequest{Check: true})
	if err != nil {
		return nil, err
	}
	p.Facts = append(p.Facts, fmt.Sprintf("Changes: %d. Blocks that the new policy would not make, which stay: %d. Blocks of what is protected then, which end: %d.",
		len(result.Changes), len(result.Unwanted), len(result.Protected)))
	p.Facts = append(p.Facts, result.Changes...)
	p.run = func(ctx context.Context, by history.Who) (done, error) {
		result, err := r.p.agent.Reload(ctx, by, control.ReloadRequest{})
		return done{Text: fmt.Sprintf("Reloaded: %d changes.", len(result.Changes)), Notes: result.Changes}, err
	}
	return p, nil
}
