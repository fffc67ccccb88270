package systemd

import (
	"context"
	"errors"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// WithoutWatchdog is how often the pipeline is asked where systemd has no
// watchdog for the agent: only the log tells what was found.
const WithoutWatchdog = 20 * time.Second

// errNoAnswer is what a stuck progress function is taken to say.
var errNoAnswer = errors.New("the pipeline does not answer, and does not say which stage is stuck")

// Watch feeds systemd's watchdog until ctx ends: every third of WatchdogSec it
// calls progress, which has half of WatchdogSec to see a ping through all stages
// of the pipeline. Its context ends then, and its error should name the stage
// that is stuck. As long as it fails, the watchdog gets nothing and the log and
// the status line tell why; when it goes on failing, systemd ends the agent and
// starts it again. A progress that does not return is not called a second time.
func (n *Notifier) Watch(ctx context.Context, progress func(context.Context) error) {
	every, within, feed := n.intervals()
	tick := time.NewTicker(every)
	defer tick.Stop()
	var pending chan error
	for {
		if pending == nil {
			pending = make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(ctx, within)
				defer cancel()
				pending <- progress(ctx)
			}()
		}
		late := time.NewTimer(within)
		select {
		case err := <-pending:
			pending = nil
			if ctx.Err() == nil {
				n.moved(err, feed)
			}
		case <-late.C:
			// It was to end with its context; a moment for its answer.
			select {
			case err := <-pending:
				pending = nil
				n.moved(err, feed)
			case <-time.After(within / 10):
				n.moved(errNoAnswer, feed)
			case <-ctx.Done():
			}
		case <-ctx.Done():
		}
		late.Stop()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// intervals gives how often progress is asked for, how long it may take, and
// whether systemd wants to know.
func (n *Notifier) intervals() (every, within time.Duration, feed bool) {
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		n.log.Warn("the watchdog of systemd cannot be fed", "error", err)
	}
	if feed = watchdog > 0; !feed {
		watchdog = 3 * WithoutWatchdog
	}
	return watchdog / 3, watchdog / 2, feed
}

// moved takes in whether the pipeline moves.
func (n *Notifier) moved(err error, feed bool) {
	why := ""
	if err != nil {
		why = err.Error()
	}
	n.mu.Lock()
	before := n.stuck
	n.stuck = why
	n.mu.Unlock()
	switch {
	case err != nil && why != before:
		n.log.Error("the pipeline is stuck", "error", err, "watchdog", feed)
	case err == nil && before != "":
		n.log.Warn("the pipeline moves again", "before", before)
	}
	if why != before {
		n.status()
	}
	if err == nil && feed {
		n.tell(daemon.SdNotifyWatchdog)
	}
}
