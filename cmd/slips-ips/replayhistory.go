package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"slips-ips/agent"
)

// historyFlags are those of replay --history.
type historyFlags struct {
	on                  bool
	state, since, until string
}

// ofHistory are the flags that only mean something with --history, notOfHistory
// those that mean nothing with it.
var (
	ofHistory    = []string{"state", "since", "until"}
	notOfHistory = []string{"trace", "tuples", "labels", "print-flows", "records", "fields", "ra-faults", "fail-on-detection",
		"models", "folder", "amount", "width", "dont-detect", "scoring"}
)

func (f *historyFlags) register(fs *pflag.FlagSet) {
	fs.BoolVar(&f.on, "history", false, "with --policy: ask both policies about the matches in the history of the agent, instead of files")
	fs.StringVar(&f.state, "state", "", "with --history: the state folder `DIR`; of another host where it is not the one of -c ([agent] state)")
	fs.StringVar(&f.since, "since", "7d", "with --history: from this `TIME` on: how long ago, or a time")
	fs.StringVar(&f.until, "until", "", "with --history: until this `TIME` (default now)")
}

// check tells what does not go together.
func (f *historyFlags) check(cmd *cobra.Command, args []string, other string) error {
	fs := cmd.Flags()
	if !f.on {
		for _, name := range ofHistory {
			if fs.Changed(name) {
				return usagef("--%s is for --history", name)
			}
		}
		if len(args) == 0 {
			return usagef("%s needs files of flows, or - for standard input", cmd.CommandPath())
		}
		return nil
	}
	for _, name := range notOfHistory {
		if fs.Changed(name) {
			return usagef("--%s is for flows, and --history has matches: leave one out", name)
		}
	}
	switch {
	case len(args) > 0:
		return usagef("--history takes no files")
	case other == "":
		return usagef("--history needs --policy FILE, the slips.toml that is tried")
	}
	return nil
}

// replayHistory asks two policies about the history.
func replayHistory(cmd *cobra.Command, std streams, opt *replayFlags) error {
	now := time.Now()
	w := agent.WhatIfOptions{Until: now, Log: newLogger(std.err, opt.verbosity)}
	var err error
	if opt.config == "" {
		opt.config = agent.DefaultConfigPath
	}
	if w.Config, err = loadConfig(opt.config, cmd.Flags().Changed("config")); err != nil {
		return err
	}
	if w.Other, err = agent.LoadConfig(opt.policy); err != nil {
		return &usageError{err}
	}
	if w.Since, err = parseMoment(opt.history.since, now); err != nil {
		return usagef("--since %v", err)
	}
	if opt.history.until != "" {
		if w.Until, err = parseMoment(opt.history.until, now); err != nil {
			return usagef("--until %v", err)
		}
	}
	if !w.Since.Before(w.Until) {
		return usagef("--since %s is not before --until %s", localTime(w.Since), localTime(w.Until))
	}
	w.State = w.Config.Agent.State
	if s := opt.history.state; s != "" && s != w.State {
		w.State, w.Elsewhere = s, true
		if a, err := os.Stat(s); err == nil {
			if b, err := os.Stat(w.Config.Agent.State); err == nil && os.SameFile(a, b) {
				w.Elsewhere = false
			}
		}
	}
	if w.State == "" {
		return usagef("no history is kept ([agent] state is empty); say where one is with --state")
	}
	r, err := agent.WhatIf(cmd.Context(), w)
	switch {
	case err != nil:
		return err
	case opt.asJSON:
		return writeJSON(std.out, r)
	}
	return printWhatIf(std.out, r)
}
