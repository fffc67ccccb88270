package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
	"slips-ips/agent/status"
)

func newStatus(std streams, agent *agentFlags) *cobra.Command {
	var (
		watch         watchFlag
		asJSON, check bool
	)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how the agent is: feeds, detection, blocks, what is wrong",
		Long: `Status shows how the agent is. The exit status is 1 where a problem is critical
or the agent does not answer.

With --check it is a plugin for Nagios and its like: one line with performance
data, and the exit status 0 OK, 1 WARNING, 2 CRITICAL (also where no agent runs)
or 3 UNKNOWN (where it cannot be asked, for want of permission for instance).`,
		Example: `  slips-ips status --watch
  slips-ips status --json | jq .problems
  slips-ips status --check`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check {
				if asJSON || watch.every > 0 {
					return usagef("--check goes with neither --json nor --watch")
				}
				return checkAgent(cmd.Context(), std, agent)
			}
			return agent.ask(cmd.Context(), func(_ context.Context, c *control.Client) error {
				var last status.Status
				err := watch.run(cmd.Context(), std, func() error {
					ctx, stop := context.WithTimeout(cmd.Context(), askTime)
					defer stop()
					st, err := c.Status(ctx)
					if err != nil {
						return err
					}
					last = st
					switch {
					case asJSON && watch.every > 0:
						return writeLine(std.out, st)
					case asJSON:
						return writeJSON(std.out, st)
					}
					return writeStatus(std, st)
				})
				if err == nil && watch.every == 0 && last.Worst() == status.Critical {
					return exitError(exitFailed)
				}
				return err
			})
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	fs.BoolVar(&check, "check", false, "print one line for monitoring, with its exit status")
	watch.register(fs)
	return cmd
}

// writeStatus prints a status for people.
func writeStatus(std streams, st status.Status) error {
	t := &statusText{now: st.Now, paint: painter(colourWanted(std.out))}
	t.width, _ = terminalSize(std.out)
	t.all(st)
	if t.err != nil {
		return t.err
	}
	_, err := fmt.Fprint(std.out, t.b.String())
	return err
}
