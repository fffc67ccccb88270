package main

import (
	"context"
	"errors"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"slips-ips/agent"
	"slips-ips/argusfeed"
)

// printOnly are the flags that mean something with --print-flows alone, and
// printToo those that do with it as well.
var (
	printOnly = []string{"fields", "ra-faults"}
	printToo  = append([]string{"print-flows", "quiet", "verbose"}, printOnly...)
)

// checkPrintFlags refuses flags that would have no effect.
func checkPrintFlags(fs *pflag.FlagSet, printing bool) error {
	var wrong []string
	fs.Visit(func(f *pflag.Flag) {
		if printing && !slices.Contains(printToo, f.Name) || !printing && slices.Contains(printOnly, f.Name) {
			wrong = append(wrong, "--"+f.Name)
		}
	})
	switch {
	case len(wrong) == 0:
		return nil
	case printing:
		return usagef("--print-flows only prints, and detects and decides nothing: leave out %s", strings.Join(wrong, ", "))
	}
	return usagef("%s: only with --print-flows", strings.Join(wrong, ", "))
}

// printFlows prints records until there are no more, or nobody reads them; given
// tells that columns are named.
func printFlows(ctx context.Context, files []string, std streams, opt *replayFlags, given bool) error {
	p := agent.PrintOptions{
		Files: files, RaFaults: opt.raFaults, Out: std.out, Log: newLogger(std.err, opt.verbosity),
	}
	if given {
		fields, err := argusfeed.ParseRaFields(opt.fields)
		if err != nil {
			return usagef("--fields: %w", err)
		}
		p.Fields = fields
	}
	// Otherwise the signal would end the program with a failure; so it is an
	// error of Write.
	signal.Ignore(syscall.SIGPIPE)
	if err := agent.PrintFlows(ctx, p); !errors.Is(err, syscall.EPIPE) {
		return err
	}
	return nil
}
