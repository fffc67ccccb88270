package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
	"slips-ips/policy"
)

func newBlockAdd(std streams, agent *agentFlags) *cobra.Command {
	var (
		b              control.NewBlock
		lasts          durationFlag
		scope, verdict string
		asJSON         bool
	)
	cmd := &cobra.Command{
		Use:   "add TUPLE | add SOURCE DESTINATION PORT PROTOCOL",
		Short: "Block a tuple by hand",
		Long: `Add blocks a tuple (source-destination-port-protocol), in both directions. For
icmp there is no port: write 10.0.0.5-203.0.113.9--icmp, or give "" for it. --scope
blocks more: all between the two, all of the destination, or all of the source.

What is on the allow list, and a block more than [policy] max_blocks, needs
--force. What this host needs (gateways, resolvers, its own addresses, your SSH
session) is never blocked, with --force neither. Who asked, and whether with --force,
is kept in the history.`,
		Example: `  slips-ips block add 10.0.0.7-203.0.113.9-443-tcp --for 12h --comment "ticket 4711"
  slips-ips block add 10.0.0.7 203.0.113.9 443 tcp --for 7d
  slips-ips block add 10.0.0.7 203.0.113.9 443 tcp --scope source --verdict reject`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && len(args) != 4 {
				return usagef("%s takes a tuple, or source, destination, port and protocol", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				b.Tuple, b.Duration = strings.Join(args, "-"), time.Duration(lasts)
				b.Scope, b.Verdict = policy.Scope(scope), policy.Verdict(verdict)
				b, err := c.AddBlock(ctx, b)
				switch {
				case err != nil:
					return err
				case asJSON:
					return writeJSON(std.out, b)
				}
				return say(std.out, "%s %s until %s (%s)", b.State, coveredText(b), localTime(b.Until), b.ID)
			})
		},
		ValidArgsFunction: agent.complete(1, completeTuples),
	}
	fs := cmd.Flags()
	fs.Var(&lasts, "for", "for this `DURATION`, 1s to 30d, as in 90m, 12h or 7d (default: [policy] duration)")
	fs.Var(&lasts, "duration", "the same as --for")
	fs.StringVar(&scope, "scope", "", "what is blocked: tuple, pair (all between the two), destination (all to and from it) or source (a quarantine, but for what [enforce] lets it keep) (default tuple)")
	fs.StringVar(&verdict, "verdict", "", "drop or reject (default: [enforce] verdict)")
	fs.StringVar(&b.Comment, "comment", "", "why, for the history and other admins")
	fs.BoolVar(&b.Force, "force", false, "also where the allow list or max_blocks are against it")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	completeFlag(cmd, "scope", words("tuple", "pair", "destination", "source"))
	completeFlag(cmd, "verdict", words("drop", "reject"))
	return cmd
}

// coveredText is what a block covers: its tuple, and its scope where that is wider.
func coveredText(b control.BlockInfo) string {
	if b.Scope == policy.ScopeTuple || b.Scope == "" {
		return b.Tuple.String()
	}
	return b.Tuple.String() + " (the " + string(b.Scope) + ")"
}
