package report

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"slips-ips/agent/history"
	"slips-ips/agent/status"
)

// sink is one way out. deliver is called by as many goroutines at once as the
// output has workers.
type sink interface {
	// deliver gives the receiver one item. It returns soon after ctx ends; the
	// item may then be given to another sink of the same receiver.
	deliver(ctx context.Context, it *item) error
	// close frees what the sink holds. Nothing is delivered any more.
	close()
}

// spooler is a sink that keeps what is delivered to it and sends it later. It
// counts what arrived itself, and knows how much waits.
type spooler interface {
	sink
	// start begins to send; flush waits until all is sent, or sending fails, or
	// ctx ends.
	start(*counters)
	flush(ctx context.Context)
	waiting() int
}

// lost is an error that another try cannot mend.
type lost struct{ error }

func (l lost) Unwrap() error { return l.error }

// What deliver may say that is no failure.
var (
	errNobody  = errors.New("there is no receiver")
	errTooSoon = errors.New("held back: the one before was just now")
)

// spec says what an output is: it stays as it is over a reload that does not
// change its spec.
type spec struct {
	name, to string
	config   any // the table it was made from
	kinds    Kinds
	queue    int
	// workers deliver at once; tries is how often an item is, 0 until it arrives.
	workers, tries int
	// flows that may wait; 0: it takes none. stats: it takes statistics.
	flows int
	stats bool
	// patience is how long a delivery may go on that a reload meets; 0: it is cut
	// at once, and done again.
	patience time.Duration
	// reread: it has files of secrets, which may have changed though their names
	// did not.
	reread bool
	open   func() (sink, error)
}

// output is a queue and the goroutines that empty it into a sink.
type output struct {
	spec
	log  *slog.Logger
	sink sink
	// queue is closed where the output ends with what it has.
	queue chan item
	bulk  chan item
	// bulked is how many flows wait in bulk.
	bulked atomic.Int64
	count  *counters
	// stop ends the workers after the delivery they are at, cut ends that as well.
	stop, cut context.CancelFunc
	done      chan struct{} // closed once no worker is left

	mu sync.Mutex
	// before is what a replaced output left, told first; left is what workers had
	// in hand when they were stopped.
	before, left []item
}

// bulkBatches is how many batches of flows may wait, however small.
const bulkBatches = 1024

func newOutput(s spec, sk sink, count *counters, log *slog.Logger) *output {
	o := &output{spec: s, sink: sk, log: log, count: count, queue: make(chan item, s.queue), done: make(chan struct{})}
	if s.flows > 0 {
		o.bulk = make(chan item, bulkBatches)
	}
	return o
}

// start begins to deliver: first what was left before, oldest first.
func (o *output) start(before []item) {
	o.mu.Lock()
	o.before = before
	o.mu.Unlock()
	delivering, cut := context.WithCancel(context.Background())
	ctx, stop := context.WithCancel(delivering)
	o.stop, o.cut = stop, cut
	if s, ok := o.sink.(spooler); ok {
		s.start(o.count)
	}
	var working sync.WaitGroup
	for range o.workers {
		working.Go(func() { o.work(ctx, delivering) })
	}
	go func() {
		working.Wait()
		close(o.done)
	}()
}

// offer queues an item, or drops it where the queue is full. It never blocks.
func (o *output) offer(it item) {
	select {
	case o.queue <- it:
	default:
		o.drop(1)
	}
}

// offerFlows queues flows apart from events, so that they cannot push those out.
func (o *output) offerFlows(it item) {
	n := int64(len(it.flows))
	if o.bulked.Add(n) <= int64(o.flows) {
		select {
		case o.bulk <- it:
			return
		default:
		}
	}
	o.bulked.Add(-n)
	o.drop(len(it.flows))
}

func (o *output) drop(n int) {
	if o.count.drop(n) {
		o.log.Warn("reports are dropped: more wait than the queue holds; others are only counted", "output", o.name, "to", o.to)
	}
}

// halt stops the workers and gives what is left of events and statistics, oldest
// first; flows that waited are dropped. A delivery that is under way may take
// patience, then it is cut. A worker that is stuck even so is waited for a
// bounded time; its item is lost.
func (o *output) halt(patience time.Duration) []item {
	o.stop()
	over := patience > 0 && o.wait(patience)
	o.cut()
	if over || o.wait(haltPatience) {
		o.sink.close()
	} else { // it may still use the sink
		o.drop(1)
	}
	o.mu.Lock()
	left := append(o.left, o.before...)
	o.left, o.before = nil, nil
	o.mu.Unlock()
	for {
		select {
		case it, ok := <-o.queue:
			if ok {
				left = append(left, it)
				continue
			}
		case it, ok := <-o.bulk:
			if ok {
				o.bulked.Add(-int64(len(it.flows)))
				o.drop(len(it.flows))
				continue
			}
		default:
		}
		return left
	}
}

// haltPatience is how long a worker may take to stop once its delivery was cut.
const haltPatience = 5 * time.Second

func (o *output) wait(d time.Duration) bool {
	late := time.NewTimer(d)
	defer late.Stop()
	select {
	case <-o.done:
		return true
	case <-late.C:
		return false
	}
}

// finish delivers what waits and closes the sink, as far as ctx allows. Nobody
// may offer anything any more. What is left is dropped, and counted.
func (o *output) finish(ctx context.Context) {
	close(o.queue)
	if o.bulk != nil {
		close(o.bulk)
	}
	select {
	case <-o.done:
		if s, ok := o.sink.(spooler); ok {
			s.flush(ctx)
		}
		o.cut()
		o.sink.close()
	case <-ctx.Done():
		if n := len(o.halt(0)); n > 0 {
			o.drop(n)
			o.log.Warn("reports were not delivered before the end", "output", o.name, "to", o.to, "reports", n)
		}
	}
}

// status tells how the output is.
func (o *output) status() status.Output {
	s := o.count.status()
	s.Name, s.To = o.name, o.to
	o.mu.Lock()
	s.Waiting = len(o.before) + len(o.queue) + int(o.bulked.Load())
	o.mu.Unlock()
	if sp, ok := o.sink.(spooler); ok {
		s.Waiting += sp.waiting()
	}
	return s
}

func (o *output) wants(kind history.Kind) bool { return o.kinds.has(kind) }
