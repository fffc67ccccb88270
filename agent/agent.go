package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"slips-ips/agent/report"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// Capacities of the channels between the stages, in batches. They hold what
// comes in while a stage is busy for a moment; a slow stage holds the feeds back.
const (
	flowBatches      = 64
	detectionBatches = 64
)

// Options are what an Agent is made of.
type Options struct {
	Config Config
	// Log is told of decisions and problems; nil: nothing is.
	Log *slog.Logger
	// Out takes the tuples as text, in colour where Colour says so; Bell takes
	// the bell.
	Out    io.Writer
	Bell   io.Writer
	Colour bool
}

// Agent is the running pipeline. Run may be called once.
type Agent struct {
	cfg      Config
	log      *slog.Logger
	sources  []argusfeed.Source
	detector *detection.Detector
	printer  *report.Printer
	output   *slowOutput // what printer writes to; nil where nothing is printed
	// hosts knows what is never blocked; enforcer and decider are nil where
	// nothing is detected.
	hosts    *protection
	enforcer *enforce.Enforcer
	decider  *decider

	decided, blocked, failed uint64
	future                   uint64
}

// New makes an agent: it loads the models, checks the sources and, where it is
// to enforce, makes or adopts the table in the kernel.
func New(opt Options) (*Agent, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if err := opt.Config.Validate(); err != nil {
		return nil, err
	}
	a := &Agent{cfg: opt.Config, log: opt.Log}
	var out io.Writer
	if opt.Out != nil {
		a.output = newSlowOutput(opt.Out, live(opt.Config.Sources), opt.Log)
		out = a.output
	}
	a.printer = report.NewPrinter(out, opt.Colour, opt.Config.Report)
	if opt.Config.Report.Sound && opt.Bell != nil {
		a.printer.Bell = report.NewBell(opt.Bell, time.Now)
	}
	if err := a.openDetection(); err != nil {
		return nil, err
	}
	growing := a.detector.Scoring() == detection.ScoringBehaviour && len(a.detector.Models()) > 0
	var err error
	if a.sources, err = openSources(a.cfg.Sources, growing, a.log); err != nil {
		return nil, err
	}
	if a.cfg.Agent.Mode == ModeDetectOff {
		return a, nil
	}
	a.hosts = newProtection(a.cfg, a.log)
	if err := a.openEnforcement(); err != nil {
		return nil, err
	}
	return a, nil
}

func (a *Agent) openDetection() error {
	set, cfg, err := modelsFor(a.cfg, a.log)
	if err != nil {
		return err
	}
	hooks := detection.Hooks{}
	if a.printer.Wants() {
		hooks.OnWindow = a.printer.Window
	}
	a.detector, err = detection.New(cfg, set, hooks)
	return err
}

func (a *Agent) openEnforcement() error {
	engine, err := policy.New(a.cfg.Policy, a.cfg.Detection.Width)
	if err != nil {
		return err
	}
	a.enforcer, err = enforce.New(a.cfg.Enforce, enforce.Options{
		DryRun:    a.cfg.Agent.Mode != ModeEnforce,
		Count:     a.cfg.Agent.Mode == ModeDryRun,
		Protected: a.hosts.snapshot,
	})
	if err != nil {
		return fmt.Errorf("preparing to enforce: %w", err)
	}
	if n := a.enforcer.Stats().Adopted; n > 0 {
		a.log.Info("adopted blocks that were in force", "blocks", n)
	}
	a.decider = &decider{
		engine: engine, tracker: engine.NewTracker(), blocks: a.enforcer,
		protected: a.hosts.snapshot,
		now:       func(detection.Detection) argusfeed.Time { return argusfeed.TimeOf(time.Now()) },
		decided:   a.tell,
	}
	return nil
}

// Run reads flows until all sources end or ctx does. What was accepted by then
// is detected, decided, applied and told before it returns. Blocks stay in the
// kernel and run out by themselves.
func (a *Agent) Run(ctx context.Context) error {
	a.log.Info("started", "mode", string(a.cfg.Agent.Mode), "sources", sourceNames(a.sources),
		"scoring", string(a.detector.Scoring()))
	// The group's context ends with the first stage that fails, never with ctx.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	feeding, stopFeeding := context.WithCancel(ctx)
	defer stopFeeding()
	defer context.AfterFunc(failed, stopFeeding)()
	watching, stopWatching := context.WithCancel(failed)
	var watchers sync.WaitGroup
	if a.enforcer != nil {
		watchers.Go(func() { a.hosts.watch(watching) })
		watchers.Go(func() { a.watchKernel(watching) })
	}

	if a.output != nil {
		a.output.start(ctx)
	}
	flows := make(chan []argusfeed.Flow, flowBatches)
	detections := make(chan []detection.Detection, detectionBatches)
	var fed error // no reason to stop the others: what came before it is still decided
	group.Go(func() error {
		defer close(flows)
		fed = a.feed(feeding, flows)
		return nil
	})
	group.Go(func() error {
		defer close(detections)
		return a.detect(failed, flows, detections)
	})
	group.Go(func() error {
		for batch := range detections {
			if err := a.decider.decide(batch); err != nil {
				return err
			}
		}
		return nil
	})
	err := group.Wait()
	err = errors.Join(fed, err)
	if perr := a.endOutput(); err == nil {
		err = perr
	}
	stopWatching()
	watchers.Wait()
	if a.enforcer != nil {
		err = errors.Join(err, a.enforcer.Close())
	}
	a.sumUp()
	return err
}

// endOutput prints what is left, as far as somebody reads it.
func (a *Agent) endOutput() error {
	err := a.printer.Flush()
	if a.output != nil {
		if cerr := a.output.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		return fmt.Errorf("printing tuples: %w", err)
	}
	return nil
}

// feed runs the sources until they end. It fails where none of them is left
// and one of them failed; one that failed among others is told.
func (a *Agent) feed(ctx context.Context, flows chan<- []argusfeed.Flow) error {
	errs := make([]error, len(a.sources))
	var running sync.WaitGroup
	for i, s := range a.sources {
		running.Go(func() {
			errs[i] = s.Run(ctx, flows)
			if errs[i] != nil && len(a.sources) > 1 {
				// The others may go on for long before Run returns this.
				a.log.Error("a source failed", "source", s.String(), "error", errs[i])
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// detect turns flows into detections. When the feed is live and quiet, time
// windows end without a flow that ends them.
func (a *Agent) detect(ctx context.Context, flows <-chan []argusfeed.Flow, out chan<- []detection.Detection) error {
	send := func(found []detection.Detection) error {
		if len(found) == 0 {
			return nil
		}
		select {
		case out <- append([]detection.Detection(nil), found...):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	var quiet <-chan time.Time
	if live(a.cfg.Sources) {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		quiet = tick.C
	}
	var newest argusfeed.Time
	arrived := time.Now()
	for {
		select {
		case batch, ok := <-flows:
			if !ok {
				return send(a.detector.Finish())
			}
			arrived = time.Now()
			batch = a.believable(batch, arrived)
			for i := range batch {
				newest = max(newest, batch[i].When())
			}
			if err := send(a.detector.Observe(batch)); err != nil {
				return err
			}
		case <-quiet:
			// The feed's clock may be another than ours: only what passed since
			// its newest flow counts.
			if silence := time.Since(arrived); silence >= min(a.cfg.Detection.Width, quietFeed) {
				if err := send(a.detector.Expire(newest.Add(silence))); err != nil {
					return err
				}
			}
		}
		if err := a.printer.Flush(); err != nil {
			return fmt.Errorf("printing tuples: %w", err)
		}
	}
}

// quietFeed is the silence after which a time window ends by the clock: twice
// the status interval of Debian's argus.conf, so that no flow of it is under way.
const quietFeed = 10 * time.Second

// tomorrow is how far in the future a flow may begin: as far as a feed in
// another time zone can be. A record from beyond would move the time windows of
// the reference scorer, and every flow after it would be too late.
const tomorrow = 24 * time.Hour

// believable leaves out flows from the future.
func (a *Agent) believable(batch []argusfeed.Flow, now time.Time) []argusfeed.Flow {
	limit := argusfeed.TimeOf(now.Add(tomorrow))
	return slices.DeleteFunc(batch, func(f argusfeed.Flow) bool {
		if max(f.Start, f.When()) <= limit {
			return false
		}
		if a.future++; a.future == 1 {
			a.log.Warn("a flow from the future was left out; others are only counted",
				"tuple", f.String(), "start", f.Start.String(), "line", f.Line)
		}
		return true
	})
}

// watchKernel keeps what is wanted in force.
func (a *Agent) watchKernel(ctx context.Context) {
	err := a.enforcer.Watch(ctx, a.cfg.Enforce.CheckEvery, func(r enforce.Report, err error) {
		if err != nil {
			a.log.Error("the blocks in the kernel cannot be checked", "error", err)
		}
		if r.Rebuilt != "" {
			a.log.Warn("the table in the kernel was made again", "why", r.Rebuilt, "restored", r.Restored)
		} else if r.Restored > 0 {
			a.log.Warn("blocks were missing in the kernel and are back", "restored", r.Restored)
		}
		if r.Missing > 0 {
			a.log.Error("blocks are missing in the kernel", "missing", r.Missing)
		}
		for _, l := range r.Lifted {
			a.log.Info("lifted", "tuple", l.Block.Tuple.String(), "reason", l.Err.Error(), "id", l.Block.ID)
		}
		for _, e := range r.Expired {
			a.log.Info("block ended", "tuple", e.Block.Tuple.String(), "id", e.Block.ID, "dry_run", a.enforcer.DryRun())
		}
	})
	if err != nil && ctx.Err() == nil {
		a.log.Error("the blocks in the kernel are not checked any more", "error", err)
	}
}
