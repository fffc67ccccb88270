package agent

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"slips-ips/agent/allowlist"
	"slips-ips/agent/status"
)

// Status tells how the agent is. It asks no stage, so it answers also where one
// of them is stuck. It is safe for concurrent use.
func (a *Agent) Status() status.Status {
	now := time.Now()
	s := status.Status{
		Version: a.opt.Version, PID: os.Getpid(), Started: a.started.UTC(), Now: now.UTC(),
		Mode: string(a.cfg.Agent.Mode), Problems: []status.Problem{}, Feeds: []status.Feed{},
		Config: a.reload.status(), Outputs: []status.Output{}, Errors: a.troubles.list(), Memory: memory(),
	}
	d := a.detecting.newest.Load()
	s.Detection = status.Detection{
		Stats: d.stats, Scoring: string(a.detector.Scoring()), Models: len(a.reload.modelsNow()),
		MaxTuples: a.reload.config().Detection.MaxTuples, FutureFlows: d.future, Labels: d.labels,
	}
	if s.Detection.Labels == nil {
		s.Detection.Labels = map[string]uint64{}
	}
	if a.feeds != nil {
		s.Feeds, s.Detection.FlowsPerSecond = a.feeds.status(now)
		s.Problems = append(s.Problems, a.feeds.problems(now)...)
	}
	if late := now.Sub(d.at); a.running.Load() && late > stageStuck {
		s.Problems = append(s.Problems, status.Problem{Severity: status.Critical, Area: "detection",
			What: fmt.Sprintf("detection has not moved for %s: a stage behind it is stuck; see the log, and restart the agent", late.Round(time.Second))})
	}
	s.Problems = append(s.Problems, a.left.problem(now, a.cfg.Enforce.Table)...)
	s.Policy.Decisions = a.tally.status()
	if a.decider != nil {
		a.policyStatus(&s)
		a.enforceStatus(&s, now)
	}
	a.outputStatus(&s)
	s.Queues = append(s.Queues, a.reports.Queues()...)
	if q := a.queues.Load(); q != nil {
		s.Queues = append(s.Queues,
			status.Queue{Name: "flows", Len: len(q.flows), Cap: cap(q.flows)},
			status.Queue{Name: "detections", Len: len(q.detections), Cap: cap(q.detections)})
	}
	if a.doors.pages != nil {
		s.Web = a.doors.pages.Status()
	}
	if s.Config.Failed != "" {
		s.Problems = append(s.Problems, status.Problem{Severity: status.Warning, Area: "config",
			What: "the newest reload failed: " + s.Config.Failed})
	}
	slices.SortStableFunc(s.Problems, func(a, b status.Problem) int { // critical comes before warning
		return strings.Compare(string(a.Severity), string(b.Severity))
	})
	return s
}

// stageStuck is how long a stage may be silent before it counts as stuck. It says
// something each detectedEvery.
const stageStuck = 10 * time.Second

// nearly is the share of a budget from which the admin is told.
const nearly = 0.9

func (a *Agent) policyStatus(s *status.Status) {
	c := a.reload.config().Policy
	p := a.hosts.snapshot()
	s.Policy.MaxBlocks, s.Policy.MaxTracked = c.MaxBlocks, c.MaxTuples
	s.Policy.Tracked = int(a.tracked.Load())
	s.Policy.Protected = p.Len()
	allowed, _ := a.kept.allowed.Entries(time.Now())
	s.Policy.Allowed = len(allowed)
	s.Policy.Blocks = a.enforcer.Len()
	severity := status.Warning
	if !a.enforcer.DryRun() {
		severity = status.Critical
	}
	for _, w := range a.reload.config().Warnings() {
		s.Problems = append(s.Problems, status.Problem{Severity: severity, Area: "policy", What: w})
	}
	if n := s.Policy.Blocks; float64(n) >= nearly*float64(c.MaxBlocks) {
		s.Problems = append(s.Problems, status.Problem{Severity: status.Warning, Area: "policy",
			What: fmt.Sprintf("%d of at most %d blocks are in force: beyond them detections only alert (policy.max_blocks)", n, c.MaxBlocks)})
	}
}

func (a *Agent) enforceStatus(s *status.Status, now time.Time) {
	h, l := a.enforcer.Health(), a.enforcer.Latency()
	e := &s.Enforce
	e.Stats, e.DryRun = a.enforcer.Stats(), a.enforcer.DryRun()
	e.Checked, e.Differs = h.Checked, h.Differs
	e.Latency = status.Latency{Bounds: l.Bounds, Counts: l.Counts, Sum: l.Sum}
	if h.Err != nil {
		e.Error = h.Err.Error()
	}
	e.Hits = a.hits.Load()
	if p, ok := a.pause.state(); ok {
		e.Paused, e.PausedBy = p.Since, p.By
	}
	severity := status.Warning
	if !e.DryRun {
		severity, e.Enforced = status.Critical, e.Wanted-e.Missing
	}
	var what string
	if e.Hindrance, what = a.hindrance(h, e.Missing, e.Wanted, now); what != "" {
		s.Problems = append(s.Problems, status.Problem{Severity: severity, Area: "enforce", What: what})
	}
}

func (a *Agent) outputStatus(s *status.Status) {
	if a.kept.allowed.Unsaved() {
		s.Problems = append(s.Problems, status.Problem{Severity: status.Warning, Area: "history", What: allowlist.ErrUnsaved.Error()})
	}
	if a.kept.history != nil {
		s.History = a.kept.history.Status()
		if s.History.Error != "" {
			s.Problems = append(s.Problems, status.Problem{Severity: status.Warning, Area: "history",
				What: fmt.Sprintf("nothing is written to %s since %s, %d events wait: %s", s.History.Path,
					s.History.Failing.UTC().Format(time.RFC3339), s.History.Waiting, s.History.Error)})
		}
	}
	s.Outputs = a.reports.Outputs()
	for _, o := range s.Outputs {
		if o.Error != "" {
			s.Problems = append(s.Problems, status.Problem{Severity: status.Warning, Area: "output",
				What: fmt.Sprintf("%s to %s does not work since %s, %d wait: %s", o.Name, o.To, o.Failing.UTC().Format(time.RFC3339), o.Waiting, o.Error)})
		}
	}
}

func memory() status.Memory {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return status.Memory{Heap: m.HeapAlloc, Resident: resident(), Goroutines: runtime.NumGoroutine()}
}

// resident is what the kernel says this process has in memory; 0 where it does not.
func resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
