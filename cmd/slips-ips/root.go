package main

import (
	"github.com/spf13/cobra"

	"slips-ips/agent"
	"slips-ips/agent/report"
)

// newRoot makes the command line. Without a command it is the pipe of the
// original: ra ... | slips-ips -m models -p
func newRoot(std streams) *cobra.Command {
	var (
		detect    detectFlags
		detected  bool
		sound     bool
		verbosity int
		asked     agentFlags
	)
	root := &cobra.Command{
		Use:   "slips-ips",
		Short: "Find malware by the behaviour of its flows, and block it",
		Long: `slips-ips reads the flows that Argus reports, turns those of each source,
destination, port and protocol into letters, compares them with models of
malware's behaviour and, in enforce mode, drops the traffic in the kernel for a
limited time.

Without a command it reads what ra prints on standard input, as the original
slips did, prints tuples and blocks nothing:

    ra -X -F ra.conf -n -Z b -S localhost:902 | slips-ips -m models -p

With -m alone it prints all tuples of a time window, with -p as well only those
detected; without -m nothing is detected and all are printed.`,
		Example: `  slips-ips run                            watch this host in dry-run, with an argus of its own
  slips-ips replay capture.binetflow       what would have happened
  slips-ips config check slips.toml        what is wrong in a configuration
  ra -X -F ra.conf -n -Z b -r day.argus | slips-ips -m models -p -w 5`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("there is no command %q", args[0])
			}
			return nil
		},
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if isTerminal(std.in) {
				if cmd.Flags().NFlag() == 0 {
					return cmd.Help()
				}
				return usagef("standard input is a terminal: pipe ra into it, as in: ra -X -F ra.conf -n -Z b -S localhost:902 | slips-ips -m models -p")
			}
			c := agent.DefaultConfig()
			c.Sources = []agent.SourceConfig{{URL: "-"}}
			c.Agent.State, c.Agent.Socket = "", "" // the original only printed
			c.Report.Sound.Enabled = sound
			c.Report.Tuples = report.TuplesAll
			if detect.models == "" {
				c.Agent.Mode = agent.ModeDetectOff
			} else if detected {
				c.Report.Tuples = report.TuplesDetected
			}
			if verbosity <= 0 {
				c.Report.Tuples = report.TuplesNone
			}
			if err := detect.apply(&c); err != nil {
				return err
			}
			return runAgent(cmd.Context(), std, agent.Options{Config: c}, pipeLevel(verbosity))
		},
	}
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.CompletionOptions.HiddenDefaultCmd = false

	fs := root.Flags()
	detect.register(fs)
	fs.BoolVarP(&detected, "print-detections", "p", false, "print the detected tuples only")
	fs.BoolVarP(&sound, "sound", "s", false, "sound an alert")
	fs.IntVarP(&verbosity, "verbose", "v", 1, "verbosity `N`: 0 no tuples, problems only; 1 tuples; 2 decisions as well; 3 and repeated ones")

	asked.register(root.PersistentFlags())
	root.AddCommand(newRun(std), newArgus(std), newReplay(std), newModels(std, &asked), newLearn(std), newConfig(std), newPolicy(std), newVersion(std))
	root.AddCommand(newTop(std, &asked), newStatus(std, &asked), newTuples(std, &asked), newAlerts(std, &asked), newExplain(std, &asked),
		newBlock(std, &asked), newAllow(std, &asked), newReload(std, &asked),
		newPanic(std, &asked), newResume(std, &asked), newRestore(std), newDoctor(std, &asked))
	for _, extra := range extraCommands {
		root.AddCommand(extra(std))
	}
	return root
}

// extraCommands are those of builds with tags, as of manpages.go.
var extraCommands []func(streams) *cobra.Command

// pipeLevel keeps decisions out of the pipe's log unless they are asked for:
// the original printed tuples only.
func pipeLevel(verbosity int) int { return verbosity - 1 }
