// Slips-ips watches Argus flows for the behaviour of malware and, where told
// to, blocks it with time-limited nftables drops.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"slips-ips/agent"
	"slips-ips/agent/control"
)

// Exit codes, as docs/modes.md promises them.
const (
	exitOK       = 0
	exitFailed   = 1 // something went wrong while working
	exitUsage    = 2 // wrong usage or configuration: nothing was done
	exitDetected = 3 // replay found something malicious and --fail-on-detection was given
)

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(agent.GCPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are the program's standard streams, replaced in tests.
type streams struct {
	in       *os.File
	out, err io.Writer
}

// run executes the command line and gives the exit code.
func run(ctx context.Context, args []string, std streams) int {
	root := newRoot(std)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	var config *agent.ConfigError
	var usage *usageError
	var quiet *quietError
	var exit exitError
	switch {
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &quiet):
		return exitUsage
	case errors.Is(err, errDetected):
		return exitDetected
	case errors.As(err, &config):
		fmt.Fprintln(std.err, config)
		return exitUsage
	case errors.As(err, &usage):
		fmt.Fprintf(std.err, "slips-ips: %v\nSee: %s --help\n", err, cmd.CommandPath())
		return exitUsage
	}
	fmt.Fprintf(std.err, "slips-ips: %v\n", err)
	if errors.Is(err, control.ErrInvalid) { // the agent found it wrong, and did nothing
		return exitUsage
	}
	return exitFailed
}

// errDetected ends a replay with exitDetected; what was found is printed already.
var errDetected = errors.New("something malicious was found")

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// quietError is a mistake that has been printed already.
type quietError struct{ err error }

func (e *quietError) Error() string { return e.err.Error() }
func (e *quietError) Unwrap() error { return e.err }

// exitError ends the program with this status; what there is to say is printed.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}
