package report

import (
	"context"
	"errors"
	"reflect"
	"time"
)

// Reconfigure changes to another configuration. Where something is wrong nothing
// changes. Outputs whose table is the same go on undisturbed; those with other
// settings take over what waits; those that are gone first tell what waits,
// meanwhile, for a bounded time. Nothing that an output took is lost but flows
// of one that changes and what a receiver has hung on.
//
// Events that come meanwhile wait for the new outputs. It returns once those run.
func (r *Reporter) Reconfigure(cfg Config) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	r.reload.Lock()
	defer r.reload.Unlock()
	if r.closed {
		return errors.New("the reporter is closed")
	}
	r.leaving.Wait() // an output that is still leaving may come back
	next, changed, err := r.plan(r.specs(cfg))
	if err != nil {
		return err
	}
	r.mu.Lock()
	gone := r.outputs
	r.outputs = next
	r.mu.Unlock()
	r.flows.Store(int32(cfg.EVE.mode()))
	r.statsEvery.Store(int64(cfg.EVE.statsEvery()))

	still := map[*output]bool{}
	for _, o := range next {
		still[o] = true
	}
	replaced := map[*output]bool{}
	for _, c := range changed {
		var left []item
		if c.old != nil {
			replaced[c.old] = true
			left = c.old.halt(c.old.patience)
		}
		c.new.start(left)
	}
	for _, o := range gone {
		if still[o] || replaced[o] {
			continue
		}
		r.leaving.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), leavePatience)
			defer cancel()
			o.finish(ctx)
		})
	}
	for _, it := range r.limit.reconfigure(cfg.Limit) {
		r.tell(it)
	}
	return nil
}

// leavePatience is how long an output that a reload took away may go on.
const leavePatience = 10 * time.Second

// change is an output that is new, or takes the place of old.
type change struct{ old, new *output }

// plan makes the outputs of specs out of those that run and new ones, which are
// not started yet. It fails without a trace.
func (r *Reporter) plan(specs []spec) (next []*output, changed []change, err error) {
	running := map[string]*output{}
	for _, o := range r.outputs {
		running[o.name] = o
	}
	for _, s := range specs {
		old := running[s.name]
		if old != nil && reflect.DeepEqual(old.config, s.config) && !s.reread {
			next = append(next, old)
			continue
		}
		sk, err := s.open()
		if err != nil {
			for _, c := range changed {
				c.new.sink.close()
			}
			return nil, nil, err
		}
		count := newCounters()
		if old != nil {
			count = old.count
		}
		o := newOutput(s, sk, count, r.opt.Log)
		next, changed = append(next, o), append(changed, change{old, o})
	}
	return next, changed, nil
}

// specs gives the outputs that a configuration asks for.
func (r *Reporter) specs(cfg Config) []spec {
	var all []spec
	if cfg.EVE.Path != "" {
		all = append(all, cfg.EVE.spec(r.opt))
	}
	if cfg.Journald.Enabled {
		all = append(all, cfg.Journald.spec())
	}
	if cfg.Syslog.Address != "" {
		all = append(all, cfg.Syslog.spec(r.opt))
	}
	for _, e := range cfg.Exec {
		all = append(all, e.spec())
	}
	for _, w := range cfg.Webhooks {
		all = append(all, w.spec(r.opt))
	}
	if cfg.Desktop.Enabled {
		all = append(all, cfg.Desktop.spec())
	}
	if cfg.Sound.Enabled {
		all = append(all, cfg.Sound.spec(r.opt))
	}
	return all
}
