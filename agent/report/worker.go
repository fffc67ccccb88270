package report

import (
	"context"
	"errors"
	"time"
)

// work delivers until the queues are closed and empty or ctx ends.
func (o *output) work(ctx, delivering context.Context) {
	queue, bulk := o.queue, o.bulk
	for ctx.Err() == nil {
		if it, ok := o.earlier(); ok {
			o.give(ctx, delivering, it)
			continue
		}
		select { // events go before flows
		case it, ok := <-queue:
			if !ok {
				queue = nil
				break
			}
			o.give(ctx, delivering, it)
			continue
		default:
		}
		if queue == nil && bulk == nil {
			return
		}
		select {
		case it, ok := <-queue:
			if !ok {
				queue = nil
				continue
			}
			o.give(ctx, delivering, it)
		case it, ok := <-bulk:
			if !ok {
				bulk = nil
				continue
			}
			o.bulked.Add(-int64(len(it.flows)))
			o.give(ctx, delivering, it)
		case <-ctx.Done():
		}
	}
}

// earlier takes the oldest of what a replaced output left.
func (o *output) earlier() (it item, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.before) == 0 {
		return item{}, false
	}
	it, o.before = o.before[0], o.before[1:]
	return it, true
}

// give delivers one item, with as many tries as the output has.
func (o *output) give(ctx, delivering context.Context, it item) {
	pauses := backoff{first: retryFirst, most: retryMost}
	for try := 1; ; try++ {
		began := o.count.begin()
		err := o.sink.deliver(delivering, &it)
		o.count.end(began)
		if err == nil {
			if _, later := o.sink.(spooler); !later {
				o.worked(it.size())
			}
			return
		}
		switch {
		case errors.Is(err, errNobody): // nothing arrived, and nothing is wrong
			return
		case errors.Is(err, errTooSoon):
			o.count.limit()
			return
		case delivering.Err() != nil:
			o.keep(it)
			return
		}
		if o.count.failed(err) {
			o.log.Warn("a report was not delivered", "output", o.name, "to", o.to, "error", err)
		}
		var hopeless lost
		if errors.As(err, &hopeless) || o.tries > 0 && try >= o.tries {
			o.drop(it.size())
			return
		}
		late := time.NewTimer(pauses.pause())
		select {
		case <-late.C:
			o.count.retry()
		case <-ctx.Done():
			late.Stop()
			o.keep(it)
			return
		}
	}
}

// keep puts aside what a worker could not deliver before it was stopped.
func (o *output) keep(it item) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.left = append(o.left, it)
}

// The pauses between tries.
const retryFirst, retryMost = 200 * time.Millisecond, 30 * time.Second

func (o *output) worked(n int) {
	if since, was := o.count.ok(n); was {
		o.log.Info("reports are delivered again", "output", o.name, "to", o.to, "failed_for", time.Since(since).Round(time.Second))
	}
}
