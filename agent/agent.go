package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"slips-ips/agent/history"
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
	// Path is the file that Config was read from, empty where there is none. Load
	// reads it again for a reload; nil: there is nothing to reload from.
	Path string
	Load func() (Config, error)
	// Version is that of the program.
	Version string
	// Log is told of decisions and problems; nil: nothing is.
	Log *slog.Logger
	// Out takes the tuples as text, in colour where Colour says so; Bell takes
	// the bell.
	Out    io.Writer
	Bell   io.Writer
	Colour bool

	// netns is the network namespace to enforce in; 0: that of the program.
	netns int
}

// Agent is the running pipeline. Run may be called once.
type Agent struct {
	opt      Options
	cfg      Config // at the start; what a reload may change is in current
	log      *slog.Logger
	troubles *troubleBook
	started  time.Time

	sources  []argusfeed.Source
	feeds    *feeds
	detector *detection.Detector // owned by the detecting goroutine once Run runs
	printer  *report.Printer
	output   *slowOutput // what printer writes to; nil where nothing is printed
	// hosts knows what is never blocked; enforcer and decider are nil where
	// nothing is detected. The decider is owned by the deciding goroutine.
	hosts    *protection
	enforcer *enforce.Enforcer
	decider  *decider

	detecting *detectStage
	deciding  calls
	tally     *tally
	grounds   *grounds
	ends      *earlyEnds
	events    *events
	kept      *kept
	left      leftover
	reports   *report.Reporter
	doors     doors
	pause     pause
	pausing   sync.Mutex // one at a time pauses or resumes
	trying    sync.Mutex // one at a time asks what another policy would have done
	hindered  toldHindrance
	listing   chan struct{} // full while a long list is made

	tracked atomic.Int64                   // tuples with matches
	hits    atomic.Pointer[enforce.Counts] // nil: nothing is counted
	reload  reloading
	queues  atomic.Pointer[stageQueues]
	running atomic.Bool
}

// stageQueues are the channels between the stages.
type stageQueues struct {
	flows      chan []argusfeed.Flow
	detections chan []detection.Detection
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
	log := newTroubles(opt.Log.Handler())
	a := &Agent{
		opt: opt, cfg: opt.Config, log: slog.New(log), troubles: log.book, started: time.Now(),
		detecting: newDetectStage(opt.Config.Detection.Width), deciding: newCalls("policy"),
		tally: newTally(), grounds: newGrounds(), ends: &earlyEnds{}, events: newEvents(opt.Config.Agent.Mode),
		listing: make(chan struct{}, 1),
	}
	if err := a.open(); err != nil {
		return nil, errors.Join(err, a.close(context.Background()))
	}
	return a, nil
}

// open opens all that the agent stands on. What it opened is closed by close.
func (a *Agent) open() error {
	var out io.Writer
	if a.opt.Out != nil {
		a.output = newSlowOutput(a.opt.Out, live(a.cfg.Sources), a.log)
		out = a.output
	}
	a.printer = report.NewPrinter(out, a.opt.Colour, a.cfg.Report)
	if err := a.openDetection(); err != nil {
		return err
	}
	growing := a.detector.Scoring() == detection.ScoringBehaviour && len(a.detector.Models()) > 0
	var err error
	if a.sources, err = openSources(a.cfg.Sources, growing, a.log); err != nil {
		return err
	}
	if a.kept, err = openKept(a.cfg, a.log); err != nil {
		return err
	}
	if err := a.openReports(); err != nil {
		return err
	}
	for _, w := range a.cfg.Warnings() {
		a.log.Warn("the configuration keeps blocks away", "why", w)
	}
	if a.cfg.Agent.Mode != ModeEnforce {
		if a.left = findLeftover(a.kept); a.left.blocks > 0 {
			a.log.Warn("blocks of enforce mode go on in the kernel", "blocks", a.left.blocks, "until", a.left.until.UTC().Format(time.RFC3339))
		}
	}
	if a.cfg.Agent.Mode != ModeDetectOff {
		a.hosts = newProtection(a.cfg, a.kept.allowed, a.log)
		if err := a.openEnforcement(); err != nil {
			return err
		}
	}
	return a.openDoors()
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
	if a.detector, err = detection.New(cfg, set, hooks); err != nil {
		return err
	}
	a.reload.loaded(a.cfg, set, a.opt.Path)
	return nil
}

func (a *Agent) openEnforcement() error {
	engine, err := policy.New(a.cfg.Policy, a.cfg.Detection.Width)
	if err != nil {
		return err
	}
	ended := a.openPause()
	_, paused := a.pause.state()
	a.enforcer, err = enforce.New(a.cfg.Enforce, enforce.Options{
		DryRun:    a.cfg.Agent.Mode != ModeEnforce,
		Count:     a.cfg.Agent.Mode == ModeDryRun,
		Paused:    paused,
		Protected: a.hosts.snapshot,
		NetNS:     a.opt.netns,
	})
	if err != nil {
		return fmt.Errorf("preparing to enforce: %w", err)
	}
	if who := a.enforcer.Intruder(); who != "" {
		a.log.Warn("somebody who is no agent holds the name by which agents keep out of each other's table; this one goes on without it", "who", who)
	}
	if n := a.enforcer.Stats().Adopted; n > 0 {
		a.log.Info("adopted blocks that were in force", "blocks", n)
	}
	began := time.Now()
	a.decider = &decider{
		engine: engine, tracker: engine.NewTracker(), ledger: engine.NewLedger(), offences: engine.NewOffences(), blocks: a.enforcer,
		ends:      a.ends,
		protected: a.hosts.snapshot, home: a.hosts.home.Load, feed: a.cfg.feedURL, ran: func() time.Duration { return time.Since(began) },
		now:     func(detection.Detection) argusfeed.Time { return argusfeed.TimeOf(time.Now()) },
		paused:  a.pause.words,
		decided: a.tell,
	}
	a.rememberOffences()
	a.recallMatches()
	begun := a.restore(ended)
	for _, active := range a.enforcer.List() {
		since := active.Since
		if was, ok := begun[active.Block.ID]; ok {
			since = was
		}
		a.decider.record(active.Block, argusfeed.TimeOf(since))
	}
	return nil
}

// Run reads flows until all sources end or ctx does. What was accepted by then
// is detected, decided, applied and told before it returns. Blocks stay in the
// kernel and run out by themselves.
func (a *Agent) Run(ctx context.Context) error {
	a.log.Info("started", "mode", string(a.cfg.Agent.Mode), "sources", sourceNames(a.sources),
		"scoring", string(a.detector.Scoring()))
	a.events.tell(history.Event{Kind: history.KindAgent, Text: history.StartedText + string(a.cfg.Agent.Mode) + versionText(a.opt.Version)})
	a.feeds = newFeeds(a.sources, a.cfg.Sources, a.events.tell)
	// The group's context ends with the first stage that fails, never with ctx.
	group, failed := errgroup.WithContext(context.WithoutCancel(ctx))
	feeding, stopFeeding := context.WithCancel(ctx)
	defer stopFeeding()
	defer context.AfterFunc(failed, stopFeeding)()
	defer context.AfterFunc(ctx, a.doors.notifier.Stopping)()
	if a.output != nil {
		a.output.start(ctx)
	}
	q := &stageQueues{make(chan []argusfeed.Flow, flowBatches), make(chan []detection.Detection, detectionBatches)}
	a.queues.Store(q)
	stopBeside := a.beside(failed)

	var fed error // no reason to stop the others: what came before it is still decided
	group.Go(func() error {
		defer close(q.flows)
		fed = a.feed(feeding, q.flows)
		return nil
	})
	group.Go(func() error {
		defer close(q.detections)
		return a.detect(failed, q.flows, q.detections)
	})
	group.Go(func() error { return a.decide(q.detections) })
	err := group.Wait()
	err = errors.Join(fed, err)
	if perr := a.endOutput(); err == nil {
		err = perr
	}
	stopBeside()
	a.events.tell(history.Event{Kind: history.KindAgent, Text: "stopped", Error: errorText(err)})
	err = errors.Join(err, a.close(context.WithoutCancel(ctx)))
	a.sumUp()
	return err
}

// beside starts what looks on and serves while the pipeline runs, and gives
// what ends it.
func (a *Agent) beside(failed context.Context) (stop func()) {
	beside, cancel := context.WithCancel(failed)
	var all sync.WaitGroup
	if a.enforcer != nil {
		all.Go(func() { a.hosts.watch(beside) })
		all.Go(func() { a.watchKernel(beside) })
		all.Go(func() { a.recallAll(beside) })
		all.Go(func() { a.countHits(beside) })
	}
	all.Go(func() { a.kept.save(beside) })
	all.Go(func() { a.feeds.watch(beside, func() uint64 { return a.detecting.newest.Load().stats.Flows }) })
	a.serve(beside, &all)
	a.running.Store(true)
	return func() {
		a.running.Store(false)
		cancel()
		all.Wait()
	}
}

// decide answers detections until there are no more, and what others ask of
// the deciding goroutine between them.
func (a *Agent) decide(detections <-chan []detection.Detection) error {
	defer a.deciding.end()
	asked := false
	for {
		calls := a.deciding.after(asked, len(detections))
		asked = false
		select {
		case batch, ok := <-detections:
			if !ok {
				return nil
			}
			if err := a.decider.decide(batch); err != nil {
				return err
			}
			a.tracked.Store(int64(a.decider.tracker.Len()))
		case f := <-calls:
			f()
			asked = true
		}
	}
}

// close ends what open opened: the kernel first, so that what it tells is still
// reported and kept.
func (a *Agent) close(ctx context.Context) error {
	var err error
	if a.doors.listener != nil {
		_ = a.doors.listener.Close() // served or not
	}
	if a.doors.pages != nil {
		_ = a.doors.pages.Close()
	}
	if a.enforcer != nil {
		err = a.enforcer.Close()
	}
	ctx, cancel := context.WithTimeout(ctx, closePatience)
	defer cancel()
	// What could not be told any more is no failure of the agent, which has done
	// its work: a hook that hangs must not make the end of the unit one.
	if a.reports != nil {
		if err := a.reports.Close(ctx); err != nil {
			a.log.Error("not everything was reported", "error", err)
		}
	}
	if err := a.kept.close(); err != nil {
		a.log.Error("not everything was kept", "error", err)
	}
	return err
}

// closePatience is how long reports and the history have for what still waits.
const closePatience = 5 * time.Second

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
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
