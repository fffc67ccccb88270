package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
)

// watchFlag is --watch[=EVERY].
type watchFlag struct{ every durationFlag }

// defaultWatch is what --watch alone means, leastWatch how often at most.
const (
	defaultWatch = "2s"
	leastWatch   = 100 * time.Millisecond
)

func (w *watchFlag) register(fs *pflag.FlagSet) {
	fs.Var(&w.every, "watch", "show it again each `DURATION`, 2s where only --watch is given, until stopped")
	fs.Lookup("watch").NoOptDefVal = defaultWatch
}

// run calls show once, or again and again until ctx ends, on a terminal always
// in the same place.
func (w *watchFlag) run(ctx context.Context, std streams, show func() error) error {
	if w.every == 0 {
		return show()
	}
	every := time.Duration(w.every)
	if every < leastWatch {
		return usagef("--watch=%s: too often; use %s or more", every, leastWatch)
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if isTerminal(std.out) {
			fmt.Fprint(std.out, "\x1b[H\x1b[2J")
		}
		if err := show(); err != nil {
			if ctx.Err() != nil && errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
