package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent"
	"slips-ips/agent/report"
	"slips-ips/agent/systemd"
)

func newRun(std streams) *cobra.Command {
	var (
		configPath string
		sources    []string
		mode       agent.Mode
		models     string
		state      string
		socket     string
		tuples     report.Tuples
		verbosity  int
	)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the agent: read flows, detect, decide, and in enforce mode block",
		Long: `Run is the agent. It reads the flows of its sources, by default those of an
argus that it starts itself on the interface of the default route, and goes on
until it is stopped. Decisions are told in the log, with their reasons.

Modes:
  enforce      blocks what the policy decides to block; needs root or CAP_NET_ADMIN
  dry-run      decides the same and only tells (the default)
  detect-off   compares nothing and prints tuples

Sources:
  spawn:IFACE       an argus of our own on that interface; spawn: for the default
                    route's (needs root or CAP_NET_RAW); spawn:any takes all, and
                    counts forwarded packets twice
  argus://HOST:PORT a running argus or radium (default port 561); it may come
                    and go
  -, ra:-, ra:PATH  what ra prints, on standard input or in a file
  file:PATH, PATH   stored flows: ra text, binetflow or an Argus stream
  follow:PATH       a file that argus -w or ra appends to, from its beginning, and
                    those that take its place when it is rotated

SIGHUP, or slips-ips reload, reads the configuration, the models and the allow
list again: all of them or, where something is wrong, none. SIGINT or SIGTERM stop
it: what was accepted is detected, decided, applied and told first. In enforce
mode blocks stay in the kernel until they run out.`,
		Example: `  slips-ips run
  slips-ips run --mode enforce -c /etc/slips-ips/slips.toml
  ra -X -F ra.conf -n -Z b -S localhost:902 | slips-ips run --source - --mode enforce`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// A reload reads the file again, below the same flags.
			load := func() (agent.Config, error) {
				c, err := loadConfig(configPath, cmd.Flags().Changed("config"))
				if err != nil {
					return c, err
				}
				if len(sources) > 0 {
					c.Sources = nil
					for _, url := range sources {
						c.Sources = append(c.Sources, agent.SourceConfig{URL: url})
					}
				}
				for flag, set := range map[string]func(){
					"mode":   func() { c.Agent.Mode = mode },
					"models": func() { c.Detection.Models = models },
					"state":  func() { c.Agent.State = state },
					"socket": func() { c.Agent.Socket = socket },
					"tuples": func() { c.Report.Tuples = tuples },
				} {
					if cmd.Flags().Changed(flag) {
						set()
					}
				}
				if err := c.Validate(); err != nil {
					return c, &usageError{err}
				}
				return c, nil
			}
			ctx := cmd.Context()
			starts := systemd.NewStarts(newLogger(std.err, verbosity))
			if !starts.Wait(ctx) {
				return nil
			}
			defer time.AfterFunc(systemd.Steady, starts.Forget).Stop()
			c, err := load()
			if err == nil {
				err = runAgent(ctx, std, agent.Options{Config: c, Load: load, Path: usedPath(configPath)}, verbosity)
			}
			if err == nil || ctx.Err() != nil { // its sources ended, or it was stopped
				starts.Forget()
			}
			return err
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&configPath, "config", "c", agent.DefaultConfigPath, "read this slips.toml `FILE`; the default one may be missing")
	fs.StringArrayVar(&sources, "source", nil, "read flows from this `URL`, in place of the configured sources; may be given several times")
	fs.Var(&mode, "mode", "enforce, dry-run or detect-off, in place of the configured mode")
	fs.StringVarP(&models, "models", "m", "", "detect with the models in this `DIR`")
	fs.StringVar(&state, "state", "", "keep history, allow list and spool in this `DIR`, in place of the configured one; \"\" keeps nothing")
	fs.StringVar(&socket, "socket", "", "answer commands at this `PATH`, in place of the configured control socket; \"\" answers none")
	fs.Var(&tuples, "tuples", "tuples to print at the end of each time window: all, detected or none")
	fs.IntVarP(&verbosity, "verbose", "v", 1, "verbosity `N`: 0 problems only, 1 decisions, 2 repeated ones as well")
	return cmd
}

// loadConfig reads slips.toml; one that was not asked for may be missing.
func loadConfig(path string, asked bool) (agent.Config, error) {
	c, err := agent.LoadConfig(path)
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, fs.ErrNotExist) && !asked:
		return agent.DefaultConfig(), nil
	}
	return agent.Config{}, &usageError{err}
}

// usedPath is the file that was read, empty where there is none.
func usedPath(path string) string {
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// runAgent runs the agent until its sources end or ctx does. SIGHUP reloads.
func runAgent(ctx context.Context, std streams, opt agent.Options, verbosity int) error {
	opt.Version = version
	opt.Log = newLogger(std.err, verbosity)
	opt.Out, opt.Bell, opt.Colour = std.out, std.err, colourWanted(std.out)
	// Before anything is opened and to the end of the process: a SIGHUP that comes
	// while the agent starts or stops must not end it.
	hangups := make(chan os.Signal, 1)
	if opt.Load != nil {
		signal.Notify(hangups, syscall.SIGHUP)
	}
	a, err := agent.New(opt)
	if err != nil {
		return fmt.Errorf("starting: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for {
			select {
			case <-hangups:
				a.Hangup(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
	return a.Run(ctx)
}
