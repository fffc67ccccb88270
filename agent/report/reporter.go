package report

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
	"slips-ips/argusfeed"
	"slips-ips/detection"
)

// Options are what a Reporter needs besides its configuration.
type Options struct {
	// Log is told when an output fails and when it works again; nil: nothing is.
	Log *slog.Logger
	// State is the agent's state folder, in which webhooks keep what waits; it
	// is needed by webhooks only.
	State string
	// Version is that of the program, Host the name of this host, which is asked
	// for where it is empty.
	Version, Host string
	// Source gives the URL of a source by its number, and its interface where it
	// is known; nil: neither is told.
	Source func(n uint16) (url, iface string)
	// Bell takes the bell where there is no player of sounds; nil: silence.
	Bell io.Writer
}

// Reporter tells events, flows and statistics to the outputs of a
// configuration. It is safe for concurrent use, and none of its methods but
// Close and Reconfigure waits for an output.
type Reporter struct {
	opt   Options
	limit *limiter

	mu      sync.RWMutex // guards outputs, flows and closed
	outputs []*output
	closed  bool
	// flows and statsEvery are those of the configuration in force.
	flows      atomic.Int32
	statsEvery atomic.Int64

	reload   sync.Mutex // one Reconfigure or Close at a time
	leaving  sync.WaitGroup
	stopTick context.CancelFunc
	ticking  sync.WaitGroup
}

// New makes a reporter and starts its outputs. Nothing is connected or opened
// for writing yet but the spools of webhooks; files of secrets are read.
func New(cfg Config, opt Options) (*Reporter, error) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Host == "" {
		opt.Host, _ = os.Hostname() // without a name it is not told
	}
	if opt.Source == nil {
		opt.Source = func(uint16) (string, string) { return "", "" }
	}
	r := &Reporter{opt: opt, limit: newLimiter(cfg.Limit)}
	if err := r.Reconfigure(cfg); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stopTick = stop
	r.ticking.Go(func() { r.tick(ctx) })
	return r, nil
}

// tickEvery is how often alerts that were held back are looked at.
const tickEvery = time.Second

// tick tells of alerts held back once their tuple may speak again.
func (r *Reporter) tick(ctx context.Context) {
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			for _, it := range r.limit.due(time.Now()) {
				r.tell(it)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Event tells of an event. Alerts of one tuple that come too fast are held
// back and counted; other events never are.
func (r *Reporter) Event(e history.Event) {
	it := item{event: &e}
	if e.Kind == history.KindAlert {
		if tuple, ok := tupleOf(&e); ok {
			allowed, before, out := r.limit.allow(tuple, &e, time.Now())
			for _, o := range out {
				r.tell(o)
			}
			if !allowed {
				r.held()
				return
			}
			it.held = before
		}
	}
	r.tell(it)
}

func (r *Reporter) tell(it item) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return
	}
	for _, o := range r.outputs {
		if o.wants(it.event.Kind) {
			o.offer(it)
		}
	}
}

// held counts an alert that was held back with each output that wanted it.
func (r *Reporter) held() {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, o := range r.outputs {
		if o.wants(history.KindAlert) {
			o.count.limit()
		}
	}
}

// Flows tells of a batch of flows, with the detections that came of it, as far
// as [report.eve] asks for flows: of all, those that are over; of detected
// tuples, each record of a flow. The batch is copied as far as it is told and
// may be used again. With flows = "none" it costs one atomic read.
func (r *Reporter) Flows(batch []argusfeed.Flow, found []detection.Detection) {
	mode := flowsMode(r.flows.Load())
	if mode == flowsNone {
		return
	}
	it := item{alerted: mode == flowsDetected}
	if it.alerted {
		it.flows = flowsOf(batch, found)
	} else {
		it.flows = overFlows(batch)
	}
	if len(it.flows) == 0 {
		return
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return
	}
	for _, o := range r.outputs {
		if o.bulk != nil {
			o.offerFlows(it)
		}
	}
}

// StatsEvery is how often Stats is to be called; 0: nobody wants statistics. It
// may change with Reconfigure.
func (r *Reporter) StatsEvery() time.Duration { return time.Duration(r.statsEvery.Load()) }

// Stats tells how the agent is.
func (r *Reporter) Stats(s status.Status) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closed {
		return
	}
	for _, o := range r.outputs {
		if o.stats {
			o.offer(item{stats: &s})
		}
	}
}

// Outputs tells how each output is, in the order of the configuration.
func (r *Reporter) Outputs() []status.Output {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]status.Output, 0, len(r.outputs))
	for _, o := range r.outputs {
		out = append(out, o.status())
	}
	return out
}

// Queues tells how full the queue of each output is. Flows have one of their own.
func (r *Reporter) Queues() []status.Queue {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make([]status.Queue, 0, len(r.outputs))
	for _, o := range r.outputs {
		out = append(out, status.Queue{Name: o.name, Len: len(o.queue), Cap: cap(o.queue)})
		if o.bulk != nil {
			out = append(out, status.Queue{Name: o.name + "-flows", Len: int(o.bulked.Load()), Cap: o.flows})
		}
	}
	return out
}

// Close tells what is held back and what waits, and ends the outputs, all at
// once and as far as ctx allows. What webhooks could not send stays in their
// spool; what else is left is dropped, counted and told the log. Events that
// come later are ignored.
func (r *Reporter) Close(ctx context.Context) error {
	r.reload.Lock()
	defer r.reload.Unlock()
	r.stopTick()
	r.ticking.Wait()
	for _, it := range r.limit.rest() {
		r.tell(it)
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	outputs := r.outputs
	r.mu.Unlock()
	for _, o := range outputs {
		r.leaving.Go(func() { o.finish(ctx) })
	}
	r.leaving.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("ending the reports: not all were delivered in time: %w", context.Cause(ctx))
	}
	return nil
}
