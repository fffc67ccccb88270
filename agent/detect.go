package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// detected is what the detecting stage says of itself, now and then.
type detected struct {
	at     time.Time // by the clock of this host
	stats  detection.Stats
	future uint64
	labels map[string]uint64
}

// detectStep is how many flows are looked at before what they match goes on: a
// block must not wait for all the flows that came behind its own.
const detectStep = 128

// detectedEvery is how often the detecting stage says so, also when no flow comes.
const detectedEvery = 250 * time.Millisecond

// detectStage is what others may know of the detecting goroutine.
type detectStage struct {
	calls  calls
	newest atomic.Pointer[detected]

	// Only the goroutine itself uses these.
	labels map[string]uint64
	future uint64
	width  time.Duration // of a time window
}

func newDetectStage(width time.Duration) *detectStage {
	s := &detectStage{calls: newCalls("detection"), labels: map[string]uint64{}, width: width}
	s.newest.Store(&detected{at: time.Now()})
	return s
}

// count counts detections by label. Labels come from models, which are the
// admin's; nevertheless they have a bound.
func (s *detectStage) count(found []detection.Detection) {
	for i := range found {
		label := found[i].Label
		if _, ok := s.labels[label]; !ok && len(s.labels) >= status.MaxLabels {
			label = "other"
		}
		s.labels[label]++
	}
}

func (s *detectStage) publish(now time.Time, stats detection.Stats) {
	s.newest.Store(&detected{at: now, stats: stats, future: s.future, labels: maps.Clone(s.labels)})
}

// detect turns flows into detections. When the feed is live and quiet, time
// windows end without a flow that ends them.
func (a *Agent) detect(ctx context.Context, flows <-chan []argusfeed.Flow, out chan<- []detection.Detection) error {
	stage := a.detecting
	defer stage.calls.end()
	send := func(found []detection.Detection) error {
		if len(found) == 0 {
			return nil
		}
		stage.count(found)
		select {
		case out <- append([]detection.Detection(nil), found...):
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	tick := time.NewTicker(detectedEvery)
	defer tick.Stop()
	isLive := live(a.cfg.Sources)
	var newest argusfeed.Time
	arrived := time.Now()
	asked := false
	for {
		calls := stage.calls.after(asked, len(flows))
		asked = false
		select {
		case batch, ok := <-flows:
			if !ok {
				err := send(a.detector.Finish())
				stage.publish(time.Now(), a.detector.Stats())
				return err
			}
			arrived = time.Now()
			batch = a.believable(batch, arrived)
			for i := range batch {
				newest = max(newest, batch[i].When())
			}
			for part := range slices.Chunk(batch, detectStep) {
				found := a.detector.Observe(part)
				if a.reports != nil {
					a.reports.Flows(part, found)
				}
				if err := send(found); err != nil {
					return err
				}
			}
			argusfeed.Recycle(batch)
		case now := <-tick.C:
			stage.publish(now, a.detector.Stats())
			// The feed's clock may be another than ours: only what passed since
			// its newest flow counts.
			if silence := now.Sub(arrived); isLive && silence >= min(stage.width, quietFeed) {
				if err := send(a.detector.Expire(newest.Add(silence))); err != nil {
					return err
				}
			}
		case f := <-calls:
			f()
			asked = true
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
		if a.detecting.future++; a.detecting.future == 1 {
			a.log.Warn("a flow from the future was left out; others are only counted",
				"tuple", f.String(), "start", f.Start.String(), "line", f.Line)
		}
		return true
	})
}
