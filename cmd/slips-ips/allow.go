package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
)

func newAllow(std streams, agent *agentFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "allow",
		Short: "List and change the networks that are never blocked",
		Long: `Allow shows what is never blocked: what the agent found out that this host needs,
what [protect] lists, and what was added by hand, which this command changes.
Blocks that an entry speaks against end at once.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to do: %s list, add or remove", cmd.CommandPath())
		},
	}
	cmd.AddCommand(newAllowList(std, agent), newAllowAdd(std, agent), newAllowRemove(std, agent))
	return cmd
}

func newAllowList(std streams, agent *agentFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the networks that are never blocked",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				list, err := c.Allows(ctx)
				switch {
				case err != nil:
					return err
				case asJSON:
					return writeJSON(std.out, control.AllowList{Allows: list})
				}
				t := newColumns(column{name: "network"}, column{name: "from"}, column{name: "until"}, column{name: "by", extra: true}, column{name: "since", extra: true}, column{name: "comment", fit: true})
				for _, a := range list {
					since := ""
					if !a.Since.IsZero() {
						since = localTime(a.Since)
					}
					t.add(a.Network, string(a.From), untilText(a.Until), a.By, since, a.Comment)
				}
				width, _ := terminalSize(std.out)
				return t.write(std.out, width)
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func untilText(t time.Time) string {
	if t.IsZero() {
		return "always"
	}
	return localTime(t)
}

func newAllowAdd(std streams, agent *agentFlags) *cobra.Command {
	var (
		comment, until string
		lasts          durationFlag
		asJSON         bool
	)
	cmd := &cobra.Command{
		Use:   "add NET",
		Short: "Never block an address or network; lifts the blocks of it",
		Example: `  slips-ips allow add 203.0.113.9 --comment "our backup" --for 7d
  slips-ips allow add 192.168.7.0/24`,
		Args: exactly(1, "one address or network"),
		RunE: func(cmd *cobra.Command, args []string) error {
			a := control.Allow{Network: args[0], Comment: comment}
			now := time.Now()
			switch {
			case until != "" && lasts != 0:
				return usagef("--for and --until: use one")
			case until != "":
				t, err := parseTime(until, now)
				if err != nil {
					return usagef("--until %w; use a time, as in %q, or --for", err, "2026-03-01 12:30")
				}
				a.Until = t
			case lasts != 0:
				a.Until = now.Add(time.Duration(lasts))
			}
			return agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				r, err := c.AddAllow(ctx, a)
				switch {
				case err != nil:
					return err
				case asJSON:
					return writeJSON(std.out, r)
				}
				end := ""
				if !r.Allow.Until.IsZero() {
					end = " until " + localTime(r.Allow.Until)
				}
				_ = say(std.out, "%s is not blocked%s", r.Allow.Network, end)
				if r.Warning != "" {
					fmt.Fprintln(std.err, "warning:", r.Warning)
				}
				for _, b := range r.Lifted {
					_ = say(std.out, "lifted %s (%s)", coveredText(b), b.ID)
				}
				return nil
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&comment, "comment", "", "why, for other admins")
	fs.Var(&lasts, "for", "for this `DURATION`, as in 12h or 7d (default: always)")
	fs.StringVar(&until, "until", "", "until this `TIME`")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newAllowRemove(std streams, agent *agentFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "remove NET",
		Short: "End what allow add began",
		Args:  exactly(1, "one address or network"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				a, err := c.RemoveAllow(ctx, args[0])
				switch {
				case err != nil:
					return err
				case asJSON:
					return writeJSON(std.out, a)
				}
				err = say(std.out, "%s may be blocked again", a.Network)
				return err
			})
		},
		ValidArgsFunction: agent.complete(1, completeAllows),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
