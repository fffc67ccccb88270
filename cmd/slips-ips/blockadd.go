package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
)

func newBlockAdd(std streams, agent *agentFlags) *cobra.Command {
	var (
		lasts         durationFlag
		comment       string
		force, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "add TUPLE | add SOURCE DESTINATION PORT PROTOCOL",
		Short: "Block a tuple by hand",
		Long: `Add blocks a tuple (source-destination-port-protocol), in both directions. For
icmp there is no port: write 10.0.0.5-203.0.113.9--icmp, or give "" for it.

What is on the allow list, and a block more than [policy] max_blocks, needs
--force. What this host needs (gateways, resolvers, its own addresses, your SSH
session) is never blocked, with --force neither.`,
		Example: `  slips-ips block add 10.0.0.7-203.0.113.9-443-tcp --for 12h --comment "ticket 4711"
  slips-ips block add 10.0.0.7 203.0.113.9 443 tcp --for 7d`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 4 {
				return usagef("%s takes a tuple, or source, destination, port and protocol", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				b, err := c.AddBlock(ctx, strings.Join(args, "-"), time.Duration(lasts), comment, force)
				switch {
				case err != nil:
					return err
				case asJSON:
					return writeJSON(std.out, b)
				}
				err = say(std.out, "%s %s until %s (%s)", b.State, b.Tuple, localTime(b.Until), b.ID)
				return err
			})
		},
		ValidArgsFunction: agent.complete(1, completeTuples),
	}
	fs := cmd.Flags()
	fs.Var(&lasts, "for", "for this `DURATION`, 1s to 30d, as in 90m, 12h or 7d (default: [policy] duration)")
	fs.StringVar(&comment, "comment", "", "why, for the history and other admins")
	fs.BoolVar(&force, "force", false, "also where the allow list or max_blocks are against it")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
