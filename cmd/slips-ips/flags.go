package main

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"slips-ips/agent"
	"slips-ips/agent/report"
	"slips-ips/detection"
)

// detectFlags are the flags of the original, for the pipe and for replay.
type detectFlags struct {
	models  string
	amount  int
	width   int
	dont    bool
	scoring string
	flags   *pflag.FlagSet
}

func (f *detectFlags) register(fs *pflag.FlagSet) {
	f.flags = fs
	minLetters := detection.DefaultConfig().MinLetters
	fs.StringVarP(&f.models, "models", "m", "", "detect with the models in this `DIR` (.toml, .stfm)")
	fs.StringVarP(&f.models, "folder", "f", "", "the same as --models")
	fs.IntVarP(&f.amount, "amount", "a", minLetters, "letters a tuple needs before it is detected; where given, tuples with fewer are not printed either")
	fs.IntVarP(&f.width, "width", "w", int(detection.DefaultConfig().Width/time.Minute), "time window in `MINUTES`")
	fs.BoolVarP(&f.dont, "dont-detect", "D", false, "no detection, tuples only")
	fs.StringVar(&f.scoring, "scoring", "", "the scorer: auto, slips-0.3.3 or behaviour (default auto: what the models are for)")
	if err := fs.MarkHidden("folder"); err != nil {
		panic(err) // the flag is defined above
	}
	fs.SetNormalizeFunc(originalNames)
}

// originalNames lets the original's spelling of a flag stand for ours.
func originalNames(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	name = strings.ReplaceAll(name, "_", "-")
	if name == "dontdetect" {
		name = "dont-detect"
	}
	return pflag.NormalizedName(name)
}

// given tells whether a flag stands on the command line.
func (f *detectFlags) given(name string) bool { return f.flags.Changed(name) }

// apply lays the flags over the configuration.
func (f *detectFlags) apply(c *agent.Config) error {
	var wrong []error
	if f.given("width") {
		if f.width < 1 {
			wrong = append(wrong, usagef("--width %d: a time window is at least 1 minute", f.width))
		}
		c.Detection.Width = time.Duration(f.width) * time.Minute
	}
	if f.given("amount") {
		if f.amount < 0 {
			wrong = append(wrong, usagef("--amount %d: a number of letters is 0 or more", f.amount))
		}
		c.Detection.MinLetters = f.amount
		c.Report.MinLetters = f.amount
	}
	if f.models != "" {
		c.Detection.Models = f.models
	}
	if f.scoring != "" {
		c.Detection.Scoring = detection.Scoring(f.scoring)
	}
	if f.dont {
		c.Agent.Mode = agent.ModeDetectOff
		c.Report.Tuples = report.TuplesAll
	}
	if err := errors.Join(wrong...); err != nil {
		return &usageError{err}
	}
	if err := c.Validate(); err != nil {
		return &usageError{err}
	}
	return nil
}
