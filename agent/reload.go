package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
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
	changes []string
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
	result, err := a.reloadOnce(ctx, by, r)
	if err != nil {
		err = fmt.Errorf("reloading: %w; what was in force stays so", err)
		if !r.Check {
			a.reload.failed(err)
			a.log.Error("the reload changed nothing", "error", err)
			a.events.tell(history.Event{Kind: history.KindChange, By: &by, Text: "a reload changed nothing", Error: err.Error()})
		}
	}
	return result, err
}

func (a *Agent) reloadOnce(ctx context.Context, by history.Who, r control.ReloadRequest) (control.ReloadResult, error) {
	p, err := a.prepare()
	if err != nil {
		return control.ReloadResult{}, err
	}
	result := control.ReloadResult{Changes: p.changes, Unwanted: []control.UnwantedBlock{}}
	if !r.Check {
		if err := a.put(ctx, p); err != nil {
			return control.ReloadResult{}, err
		}
		a.reload.loaded(p.cfg, p.set, a.opt.Path)
	}
	var unwanted []policy.Block
	if a.enforcer != nil {
		if unwanted, result.Unwanted, err = a.unwanted(ctx, p.engine, p.static); err != nil {
			return result, fmt.Errorf("looking for blocks that the new policy would not make: %w", err)
		}
	}
	if r.Check {
		return result, nil
	}
	text := fmt.Sprintf("reloaded: %d changes", len(p.changes))
	if len(p.changes) == 0 {
		text = "reloaded: nothing has changed"
	}
	a.log.Info("reloaded", "changes", strings.Join(p.changes, "; "), "unwanted_blocks", len(unwanted), "lifted", r.Lift)
	a.events.tell(history.Event{Kind: history.KindChange, By: &by, Text: text, Changes: p.changes})
	if r.Lift {
		result.Lifted = true
		if err := a.liftUnwanted(unwanted, result.Unwanted, &by); err != nil {
			return result, err
		}
	}
	return result, nil
}

// prepare reads everything and finds out whether it works. It changes nothing.
func (a *Agent) prepare() (prepared, error) {
	var p prepared
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
	if p.changes, err = a.changes(p.cfg); err != nil {
		return p, err
	}
	set, cfg, err := modelsFor(p.cfg, a.log)
	if err != nil {
		return p, err
	}
	p.set = set
	if p.update, err = a.detector.Prepare(cfg, set); err != nil {
		return p, fmt.Errorf("detection: %w", err)
	}
	p.changes = append(p.changes, modelChanges(a.reload.modelsNow(), set)...)
	if p.engine, err = policy.New(p.cfg.Policy, p.cfg.Detection.Width); err != nil {
		return p, err
	}
	p.static = staticEntries(p.cfg, a.log)
	return p, nil
}

func (r *reloading) modelsNow() []models.Model {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.models
}

// changes tells what differs, and fails where something of it needs a restart.
func (a *Agent) changes(c Config) ([]string, error) {
	diff, err := configDiff(a.reload.config(), c)
	if err != nil {
		return nil, err
	}
	told := []string{}
	var refused []error
	for _, d := range diff {
		if needsRestart(d.key) {
			refused = append(refused, fmt.Errorf("%s: cannot change while the agent runs: restart it (blocks survive that)", d.told()))
		}
		told = append(told, d.told())
	}
	return told, errors.Join(refused...)
}

// put puts a prepared state in force, stage by stage.
func (a *Agent) put(ctx context.Context, p prepared) error {
	if err := a.kept.allowed.Reload(); err != nil {
		return err
	}
	// What can still fail comes before what cannot.
	if a.reports != nil {
		if err := a.reports.Reconfigure(p.cfg.Report); err != nil {
			return err
		}
	}
	// Only the end of the agent, or a stage that is stuck, can come between the two.
	err := ask(ctx, a.detecting.calls, func() {
		a.detector.Apply(p.update)
		a.detecting.width = p.cfg.Detection.Width
	})
	if err == nil && a.decider != nil {
		err = ask(ctx, a.deciding, func() {
			a.decider.engine, a.decider.tracker = p.engine, p.engine.Adopt(a.decider.tracker)
			a.decider.ledger = p.engine.AdoptLedger(a.decider.ledger)
			a.decider.offences = p.engine.AdoptOffences(a.decider.offences, argusfeed.TimeOf(time.Now()))
		})
	}
	if err != nil {
		return err
	}
	if a.decider != nil {
		a.hosts.setStatic(p.static)
		a.checkNow()
	}
	return nil
}

// checkNow has the enforcer lift at once what is protected now.
func (a *Agent) checkNow() []control.BlockInfo {
	r, err := a.enforcer.Check()
	a.checked(r, err)
	lifted := []control.BlockInfo{}
	for _, l := range r.Lifted {
		lifted = append(lifted, control.BlockInfo{ID: l.Block.ID, Tuple: l.Block.Tuple, Scope: l.Block.Scope, Label: l.Block.Label, Reason: l.Err.Error()})
	}
	return lifted
}

// reviewStep is how many blocks are looked at before the pipeline goes on.
const reviewStep = 500

// unwanted gives the blocks in force that the policy would not make, those made
// by hand never among them.
func (a *Agent) unwanted(ctx context.Context, engine *policy.Engine, static []policy.Entry) (
	blocks []policy.Block, told []control.UnwantedBlock, err error,
) {
	told = []control.UnwantedBlock{}
	view := policy.View{Now: argusfeed.TimeOf(time.Now()), Protected: a.hosts.with(static), Home: a.hosts.home.Load()}
	for part := range slices.Chunk(a.enforcer.List(), reviewStep) {
		reasons := make([]ground, len(part))
		for i, active := range part {
			reasons[i], _ = a.groundOf(ctx, active.Block)
		}
		if err := ask(ctx, a.deciding, func() {
			for i, active := range part {
				g := reasons[i]
				if g.detection == nil {
					continue // nobody knows why, or a person does
				}
				view.Evidence = a.decider.tracker.Evidence(g.decision.Tuple)
				view.Feed = a.cfg.feedURL(g.detection.Source)
				if keep, why := engine.Review(g.decision, *g.detection, view); !keep {
					blocks = append(blocks, active.Block)
					told = append(told, control.UnwantedBlock{Block: a.blockInfo(active), Why: why})
				}
			}
		}); err != nil {
			return nil, nil, err
		}
	}
	return blocks, told, nil
}

func (a *Agent) liftUnwanted(blocks []policy.Block, told []control.UnwantedBlock, by *history.Who) error {
	var failed []error
	for i, r := range a.enforcer.Lift(blocks) {
		if r.Err != nil {
			failed = append(failed, fmt.Errorf("lifting the block of %s: %w", r.Block.Tuple, r.Err))
			continue
		}
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
	return ground{*e.Decision, e.Detection, e.By}, true
}

// Hangup reloads as SIGHUP asks for: what became of it is in the log, the status
// and the history.
func (a *Agent) Hangup(ctx context.Context) {
	_, _ = a.Reload(ctx, history.Who{User: "SIGHUP", PID: int32(os.Getpid())}, control.ReloadRequest{})
}
