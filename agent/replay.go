package agent

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"slips-ips/agent/report"
	"slips-ips/argusfeed"
	"slips-ips/detection"
	"slips-ips/enforce"
	"slips-ips/policy"
)

// ReplayOptions are what a replay is made of.
type ReplayOptions struct {
	Config Config
	// Files are read one after the other through one detector; - is standard
	// input.
	Files []string
	// Joining is how the records of Argus streams become flows.
	Joining argusfeed.Joining
	// Other is a second policy: the report tells what it would decide
	// differently.
	Other *Config
	Log   *slog.Logger
	// Out takes the tuples as text at the end of each time window; nil: none.
	Out    io.Writer
	Colour bool
	// Trace takes one JSON line for each line of input; nil: none.
	Trace io.Writer
	// Labels compares with the label column.
	Labels bool
	// Evidence has the report keep what pictures of the detected tuples need.
	Evidence bool
	// Progress is told now and then how far the replay is; nil: nobody is.
	Progress func(Progress)
}

// Progress is how far a replay is.
type Progress struct {
	File string
	// Read and Size count bytes of the file as it lies there; Size is -1 where
	// it is not known.
	Read, Size int64
	Flows      uint64
}

// Replay runs stored flows through the same pipeline on a virtual clock: the
// time is that of the flows. It never touches the kernel: the enforcer is a dry
// run whatever the mode. When ctx ends it stops early and reports what there is.
func Replay(ctx context.Context, opt ReplayOptions) (*ReplayReport, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if err := opt.Config.Validate(); err != nil {
		return nil, err
	}
	r := &replay{opt: opt, report: newReplayReport(opt.Labels), printer: report.NewPrinter(opt.Out, opt.Colour, opt.Config.Report)}
	r.report.evidence = opt.Evidence
	set, cfg, err := modelsFor(opt.Config, opt.Log)
	if err != nil {
		return nil, err
	}
	hooks := detection.Hooks{}
	if r.printer.Wants() {
		hooks.OnWindow = r.printer.Window
	}
	if opt.Trace != nil {
		r.trace = detection.NewTraceWriter(opt.Trace, opt.Config.Agent.Mode == ModeDetectOff)
		hooks.OnStep = r.trace.Step
	}
	if r.detector, err = detection.New(cfg, set, hooks); err != nil {
		return nil, err
	}
	if r.decider, err = r.newDecider(opt.Config, r.report.decide); err != nil {
		return nil, err
	}
	if opt.Other != nil {
		if r.other, err = r.newDecider(*opt.Other, r.report.decideOther); err != nil {
			return nil, err
		}
	}
	if r.trace != nil {
		r.trace.Config(r.detector)
	}
	begun := time.Now()
	var broken error // what was read before is reported all the same
	for _, file := range opt.Files {
		if broken = r.file(ctx, file); broken != nil {
			break
		}
	}
	if err := r.observed(r.detector.Finish()); err != nil {
		return nil, err
	}
	r.report.gather(r.detector)
	if r.trace != nil {
		r.trace.End(r.detector)
		if err := r.trace.Err(); err != nil {
			return nil, fmt.Errorf("writing the trace: %w", err)
		}
	}
	if err := r.printer.Flush(); err != nil {
		return nil, fmt.Errorf("printing tuples: %w", err)
	}
	r.report.finish(r.detector.Stats(), &r.skips, time.Since(begun), ctx.Err() != nil)
	return r.report, broken
}

// replay is one run of Replay.
type replay struct {
	opt      ReplayOptions
	detector *detection.Detector
	decider  *decider
	other    *decider
	trace    *detection.TraceWriter
	printer  *report.Printer
	skips    argusfeed.SkipCounter
	report   *ReplayReport
	told     time.Time
}

// newDecider makes a policy with an enforcer of its own that only remembers.
func (r *replay) newDecider(c Config, decided func(outcome)) (*decider, error) {
	// The addresses of this host say nothing about somebody else's capture.
	protected := policy.NewProtected(c.Protect.Entries()...)
	var clock time.Time // the start of the newest flow that was decided on
	d, err := newTrial(c, r.opt.Config.Detection.Width, protected, func() time.Time { return clock })
	if err != nil {
		return nil, err
	}
	d.now = func(d detection.Detection) argusfeed.Time {
		if t := d.Time.Time(); t.After(clock) {
			clock = t
		}
		return argusfeed.TimeOf(clock)
	}
	d.decided = decided
	return d, nil
}

// newTrial makes a decider for the policy of c with an enforcer of its own that only
// remembers. The caller sets now, which clock goes by, and decided.
func newTrial(c Config, width time.Duration, protected *policy.Protected, clock func() time.Time) (*decider, error) {
	engine, err := policy.New(c.Policy, width)
	if err != nil {
		return nil, err
	}
	snapshot := func() *policy.Protected { return protected }
	blocks, err := enforce.New(c.Enforce, enforce.Options{DryRun: true, Protected: snapshot, Now: clock})
	if err != nil {
		return nil, err
	}
	return &decider{
		engine: engine, tracker: engine.NewTracker(), ledger: engine.NewLedger(), offences: engine.NewOffences(),
		blocks: blocks, protected: snapshot, newID: numberedIDs(),
	}, nil
}

// numberedIDs makes IDs that sort by the flows' time and are the same in each
// replay, so that the same flows give the same blocks: their jitter comes from the
// ID.
func numberedIDs() func(detection.Detection) (uuid.UUID, error) {
	var n uint64
	return func(d detection.Detection) (uuid.UUID, error) {
		var id uuid.UUID
		binary.BigEndian.PutUint64(id[:], uint64(d.Time.Time().UnixMilli())<<16)
		binary.BigEndian.PutUint64(id[8:], n)
		id[6], id[8] = id[6]&0x0f|0x70, id[8]&0x3f|0x80 // version 7, RFC 9562
		n++
		return id, nil
	}
}

// file reads one file to its end.
func (r *replay) file(ctx context.Context, path string) error {
	f, format, err := open(ctx, path)
	if f == nil {
		return err // nil where ctx ended before the file said anything
	}
	defer f.Close()
	// With a trace a skipped line ends its batch, so that the order of the lines is kept.
	err = readAhead(ctx, f, format, path, readOptions{joining: r.opt.Joining, apart: r.trace != nil}, func(b *readBatch) error {
		for i := range b.flows {
			r.report.label(&b.flows[i])
		}
		if err := r.observed(r.detector.Observe(b.flows)); err != nil {
			return err
		}
		for _, skip := range b.skips {
			r.skipped(path, skip)
		}
		r.report.join(b.joined)
		r.progress(path, f, false)
		return nil
	})
	r.progress(path, f, true)
	return err
}

// open opens a file. A pipe that says nothing does not outlast ctx: it is left
// to itself then, and the file is nil.
func open(ctx context.Context, path string) (*argusfeed.File, argusfeed.Format, error) {
	type opened struct {
		f      *argusfeed.File
		format argusfeed.Format
		err    error
	}
	done := make(chan opened, 1)
	go func() {
		var o opened
		o.f, o.format, o.err = argusfeed.Open(path)
		done <- o
	}()
	select {
	case o := <-done:
		if o.err != nil {
			return nil, 0, o.err
		}
		return o.f, o.format, nil
	case <-ctx.Done():
		return nil, 0, nil
	}
}

// skipped counts a line that is no flow, and has it in the trace.
func (r *replay) skipped(path string, skip *argusfeed.SkipError) {
	tellSkipped(r.opt.Log, &r.skips, path, skip)
	if r.trace != nil {
		r.trace.Skipped(skip.Line, skip.Kind.String())
	}
}

// tellSkipped counts a line that is no flow and reports the first of each bad
// kind.
func tellSkipped(log *slog.Logger, skips *argusfeed.SkipCounter, path string, skip *argusfeed.SkipError) {
	if skips.Add(skip) && skip.Kind.Bad() {
		log.Warn("skipped a line; others of this kind are only counted",
			"file", path, "line", skip.Line, "kind", skip.Kind.String(), "reason", skip.Reason)
	}
}

// observed takes what the detector found.
func (r *replay) observed(found []detection.Detection) error {
	r.report.detect(found)
	if r.other != nil {
		if err := r.other.decide(found); err != nil {
			return err
		}
	}
	return r.decider.decide(found)
}

// progressEvery is how often a replay tells how far it is.
const progressEvery = 200 * time.Millisecond

func (r *replay) progress(path string, f *argusfeed.File, end bool) {
	if r.opt.Progress == nil || !end && time.Since(r.told) < progressEvery {
		return
	}
	r.told = time.Now()
	read, size := f.Progress()
	r.opt.Progress(Progress{File: path, Read: read, Size: size, Flows: r.detector.Stats().Flows})
}
