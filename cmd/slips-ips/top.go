package main

import (
	"os"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
	"slips-ips/view/terminal"
)

func newTop(std streams, agent *agentFlags) *cobra.Command {
	every := durationFlag(terminal.DefaultEvery)
	var rate int
	cmd := &cobra.Command{
		Use:   "top",
		Short: "See what the agent does, live, and act with keys",
		Long: `Top shows on a terminal what is blocked and why, the alerts, the tuples with
their letters, what is allowed, and how the agent is. Keys explain a tuple, lift a
block, allow an address and block a tuple; ? lists them. It needs no mouse, no
colours (NO_COLOR) and no fast line: only what changed is drawn, at most --rate
bytes a second.

Of the alerts it shows the last 1000 at most, since the agent is asked for them from
the newest on each time; slips-ips alerts has all.`,
		Example: `  slips-ips top
  slips-ips top --every 10s --rate 300`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out, ok := std.out.(*os.File)
			if !ok || !isTerminal(out) || !isTerminal(std.in) {
				return usagef("top needs a terminal; slips-ips status, block list, alerts and tuples print the same")
			}
			if os.Getenv("TERM") == "dumb" {
				return usagef("TERM=dumb: top cannot move the cursor of this terminal; use slips-ips status --watch")
			}
			opt := terminal.Options{In: std.in, Out: out, Colour: colourWanted(out), Every: time.Duration(every), Rate: rate}
			if err := opt.Validate(); err != nil {
				return &usageError{err}
			}
			c, err := control.Dial(agent.socket)
			if err != nil {
				return err
			}
			defer c.Close()
			opt.Client = c
			return terminal.Run(cmd.Context(), opt)
		},
	}
	fs := cmd.Flags()
	fs.Var(&every, "every", "ask and draw each `DURATION`")
	fs.IntVar(&rate, "rate", terminal.DefaultRate, "draw at most `N` bytes a second by itself, on average; 0: no limit")
	return cmd
}
