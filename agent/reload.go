package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"slips-ips/agent/allowlist"
	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/models"
	"slips-ips/policy"
)

// reloading is what a reload changes.
type reloading struct {
	one sync.Mutex // one reload at a time

	mu      sync.Mutex
	current Config
	models  []models.Model
	said    status.Config
}

// config is the configuration in force.
func (r *reloading) config() Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// status says when it was read.
func (r *reloading) status() status.Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.said
}

// loaded notes that a configuration is in force.
func (r *reloading) loaded(c Config, set []models.Model, path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.said.Loaded.IsZero() {
		r.said.Reloads++
	}
	r.current, r.models = c, set
	r.said.Path, r.said.Loaded, r.said.Failed = path, time.Now().UTC(), ""
}

func (r *reloading) failed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.said.Failed = err.Error()
}

// prepared is a new state of which every part is known to work.
type prepared struct {
	cfg     Config
	set     []models.Model
	update  *detection.Update
	engine  *policy.Engine
	static  []policy.Entry
	allowed allowlist.Read
	changes []string
	// stages tells that changes are of the stages: a reload that brings nothing new to
	// them leaves the pipeline alone.
	stages bool
}

// Reload reads the configuration, the models and the allow list again, and puts
// them in force. Where anything is wrong with them nothing changes, and the
// error says what. Tuples, letters, matches and blocks stay. It is safe for
// concurrent use while Run runs.
func (a *Agent) Reload(ctx context.Context, by history.Who, r control.ReloadRequest) (control.ReloadResult, error) {
	a.reload.one.Lock()
	defer a.reload.one.Unlock()
	a.doors.notifier.Reloading()
	defer a.doors.notifier.Ready()
	before := a.protectedNow()
	p, err := a.prepare()
	if err == nil && !r.Check {
		err = a.put(ctx, p)
	}
	if err != nil {
		err = fmt.Errorf("reloading: %w; what was in force stays so", err)
		if !r.Check {
			a.reload.failed(err)
			a.log.Error("the reload changed nothing", "error", err)
			a.events.tell(history.Event{Kind: history.KindChange, By: &by, Text: "a reload changed nothing", Error: err.Error()})
		}
		return control.ReloadResult{}, err
	}
	return a.reloaded(ctx, by, r, p, !r.Check && a.protectedNow() != before)
}

// reloaded tells what a reload changed, or would, and what becomes of the blocks;
// protects tells that other addresses are protected than before.
func (a *Agent) reloaded(ctx context.Context, by history.Who, r control.ReloadRequest, p prepared, protects bool) (control.ReloadResult, error) {
	result := control.ReloadResult{Changes: p.changes, Unwanted: []control.UnwantedBlock{}, Protected: []control.UnwantedBlock{}}
	var unwanted []policy.Block
	var failed error
	if a.enforcer != nil {
		if protects {
			result.Protected = a.checkNow()
		}
		var protected []control.UnwantedBlock
		if unwanted, result.Unwanted, protected, failed = a.unwanted(ctx, p); failed != nil {
			failed = fmt.Errorf("looking for blocks that the new policy would not make: %w", failed)
		}
		if r.Check {
			result.Protected = protected
		}
	}
	if r.Check {
		return result, failed
	}
	text := fmt.Sprintf("reloaded: %d changes", len(p.changes))
	if len(p.changes) == 0 {
		text = "reloaded: nothing has changed"
	}
	for _, w := range p.cfg.Warnings() {
		a.log.Warn("the configuration keeps blocks away", "why", w)
	}
	a.log.Info("reloaded", "changes", strings.Join(p.changes, "; "), "unwanted_blocks", len(unwanted), "lifted", r.Lift)
	a.events.tell(history.Event{Kind: history.KindChange, By: &by, Text: text, Changes: p.changes})
	if r.Lift && failed == nil {
		result.Lifted = true
		failed = a.liftUnwanted(unwanted, result.Unwanted, &by)
	}
	if failed != nil {
		failed = fmt.Errorf("the configuration is reloaded, but: %w", failed)
	}
	return result, failed
}

// prepare reads everything and finds out whether it works. It changes nothing.
func (a *Agent) prepare() (prepared, error) {
	p := prepared{changes: []string{}}
	if a.opt.Load == nil {
		return p, fmt.Errorf("%w: this agent was started without a configuration file", control.ErrUnavailable)
	}
	var err error
	if p.cfg, err = a.opt.Load(); err != nil {
		return p, fmt.Errorf("%w: %w", control.ErrInvalid, err)
	}
	if err := p.cfg.Validate(); err != nil {
		return p, fmt.Errorf("%w: %w", control.ErrInvalid, err)
	}
	diff, err := a.changed(p.cfg)
	if err != nil {
		return p, err
	}
	for _, d := range diff {
		p.changes = append(p.changes, d.told())
		p.stages = p.stages || under(staged, d.key)
	}
	set, cfg, err := modelsFor(p.cfg, a.log)
	if err != nil {
		return p, err
	}
	p.set = set
	if p.update, err = a.detector.Prepare(cfg, set); err != nil {
		return p, fmt.Errorf("detection: %w", err)
	}
	others := modelChanges(a.reload.modelsNow(), set)
	p.stages = p.stages || len(others) > 0
	p.changes = append(p.changes, others...)
	if p.engine, err = policy.New(p.cfg.Policy, p.cfg.Detection.Width); err != nil {
		return p, err
	}
	if p.allowed, err = a.kept.allowed.Read(); err != nil {
		return p, err
	}
	now := time.Now()
	before, _ := a.kept.allowed.Entries(now)
	after, _ := allowlist.InForce(p.allowed.Entries, now)
	p.changes = append(p.changes, allowChanges(before, after)...)
	p.static = staticEntries(p.cfg, a.log)
	return p, nil
}

func (r *reloading) modelsNow() []models.Model {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.models
}

// changed gives what differs, and fails where something of it needs a restart.
func (a *Agent) changed(c Config) ([]configChange, error) {
	diff, err := configDiff(a.reload.config(), c)
	if err != nil {
		return nil, err
	}
	var refused []error
	for _, d := range diff {
		if needsRestart(d.key) {
			refused = append(refused, fmt.Errorf("%s: cannot change while the agent runs: restart it (blocks survive that)", d.told()))
		}
	}
	return diff, errors.Join(refused...)
}

// put puts a prepared state in force, all of it or nothing. Whoever asked for it
// may go away meanwhile. What can fail comes before what cannot, and is undone.
func (a *Agent) put(ctx context.Context, p prepared) error {
	ctx = context.WithoutCancel(ctx)
	before := a.reload.config().Report
	if err := a.reports.Reconfigure(p.cfg.Report); err != nil {
		return err
	}
	if p.stages {
		if err := a.putStages(ctx, p); err != nil {
			return errors.Join(err, a.reports.Reconfigure(before))
		}
	}
	a.kept.allowed.Use(p.allowed)
	if a.decider != nil {
		a.hosts.setStatic(p.static)
	}
	a.reload.loaded(p.cfg, p.set, a.opt.Path)
	return nil
}

// putStages changes both stages or none. The detecting one waits for the other
// meanwhile, which never waits for it: else one that is stuck would come between.
func (a *Agent) putStages(ctx context.Context, p prepared) error {
	var inner error
	err := ask(ctx, a.detecting.calls, func() {
		if a.decider != nil {
			inner = ask(ctx, a.deciding, func() {
				a.decider.engine, a.decider.tracker = p.engine, p.engine.Adopt(a.decider.tracker)
				a.decider.ledger = p.engine.AdoptLedger(a.decider.ledger)
				a.decider.offences = p.engine.AdoptOffences(a.decider.offences, argusfeed.TimeOf(time.Now()))
			})
		}
		if inner == nil {
			a.detector.Apply(p.update)
			a.detecting.width = p.cfg.Detection.Width
		}
	})
	return cmp.Or(err, inner)
}

// checkNow has the enforcer lift at once what is protected now, and gives it with
// the reasons.
func (a *Agent) checkNow() []control.UnwantedBlock {
	r, err := a.enforcer.Check()
	lifted := []control.UnwantedBlock{}
	for _, l := range r.Lifted {
		if errors.Is(l.Err, enforce.ErrRefused) {
			lifted = append(lifted, control.UnwantedBlock{Block: a.blockInfo(l.Active), Why: l.Err.Error()})
		}
	}
	a.checked(r, err)
	return lifted
}

// reviewStep is how many blocks are looked at before the pipeline goes on.
const reviewStep = 500

// unwanted gives the blocks in force that the policy would not make, those made
// by hand never among them, and those of what is protected.
func (a *Agent) unwanted(ctx context.Context, p prepared) (blocks []policy.Block, told, protected []control.UnwantedBlock, err error) {
	told, protected = []control.UnwantedBlock{}, []control.UnwantedBlock{}
	view := policy.View{
		Now: argusfeed.TimeOf(time.Now()), Protected: a.hosts.with(p.static, p.allowed.Entries), Home: a.hosts.home.Load(),
	}
	for part := range slices.Chunk(a.enforcer.List(), reviewStep) {
		reasons := make([]ground, len(part))
		for i, active := range part {
			reasons[i], _ = a.groundOf(ctx, active.Block)
		}
		if err := ask(ctx, a.deciding, func() {
			for i, active := range part {
				if why, refused := view.Protected.RefusesBlock(active.Block); refused {
					protected = append(protected, control.UnwantedBlock{Block: a.blockInfo(active), Why: why})
					continue
				}
				g := reasons[i]
				if g.detection == nil {
					continue // nobody knows why, or a person does
				}
				view.Evidence = a.decider.tracker.Evidence(g.decision.Tuple)
				view.Feed = a.cfg.feedURL(g.detection.Source)
				if keep, why := p.engine.Review(g.decision, *g.detection, view); !keep {
					blocks = append(blocks, active.Block)
					told = append(told, control.UnwantedBlock{Block: a.blockInfo(active), Why: why})
				}
			}
		}); err != nil {
			return nil, nil, nil, err
		}
	}
	return blocks, told, protected, nil
}

func (a *Agent) liftUnwanted(blocks []policy.Block, told []control.UnwantedBlock, by *history.Who) error {
	var failed []error
	pace := a.pace(paceAsked)
	for i, r := range a.enforcer.Lift(blocks) {
		if r.Err != nil {
			failed = append(failed, fmt.Errorf("lifting the block of %s: %w", r.Block.Tuple, r.Err))
			continue
		}
		pace.next()
		a.tellLift(r.Block, told[i].Block.Since, time.Now(), history.EndPolicy, "the reloaded policy would not make it: "+told[i].Why, by)
	}
	return errors.Join(failed...)
}

// groundOf gives why a block was made: from memory, or for one of a process
// before this one from the history.
func (a *Agent) groundOf(ctx context.Context, b policy.Block) (ground, bool) {
	if g, ok := a.grounds.of(b); ok || a.kept.history == nil || b.ID == "" {
		return g, ok
	}
	e, err := a.kept.history.BlockEvent(ctx, b.ID)
	if err != nil || e.Decision == nil {
		return ground{}, false
	}
	g := ground{*e.Decision, e.Detection, e.By}
	a.grounds.put(g, a.inForce)
	return g, true
}

// inForce tells whether a block is, by its ID.
func (a *Agent) inForce(id string) bool {
	_, ok := a.enforcer.Find(id)
	return ok
}

// recallAll learns from the history why the blocks were made that were in force
// before this process, so that nobody has to wait for it later.
func (a *Agent) recallAll(ctx context.Context) {
	if a.kept.history == nil {
		return
	}
	for active := range a.enforcer.Newest() {
		if ctx.Err() != nil {
			return
		}
		a.groundOf(ctx, active.Block)
	}
}

// Hangup reloads as SIGHUP asks for: what became of it is in the log, the status
// and the history.
func (a *Agent) Hangup(ctx context.Context) {
	_, _ = a.Reload(ctx, history.Who{User: "SIGHUP", PID: int32(os.Getpid())}, control.ReloadRequest{})
}
