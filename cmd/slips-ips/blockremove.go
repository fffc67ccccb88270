package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
)

// lifted is what block remove --json prints.
type lifted struct {
	Lifted []control.BlockInfo `json:"lifted"`
}

func newBlockRemove(std streams, agent *agentFlags) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "remove ID|TUPLE...",
		Short: "Lift blocks; what is detected again is blocked again",
		Long: `Remove lifts the blocks with these ids, or of these tuples. A tuple that only a wider
block of another tuple stops is refused, with the id of that one: lifting it lets
through all that it covers. A tuple that is detected again is blocked again:
slips-ips allow add keeps it from that.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s takes ids or tuples; slips-ips block list shows them, and block flush lifts all", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				all := lifted{[]control.BlockInfo{}}
				var failed error
				for _, arg := range args {
					b, err := c.RemoveBlock(ctx, arg)
					if err != nil {
						failed = err
						if len(all.Lifted) > 0 {
							failed = fmt.Errorf("%s lifted, then: %w", numbers.Count(len(all.Lifted), "block was", "blocks were"), err)
						}
						break
					}
					all.Lifted = append(all.Lifted, b)
					if !asJSON {
						_ = say(std.out, "lifted %s (%s)", coveredText(b), b.ID)
					}
				}
				if asJSON {
					if err := writeJSON(std.out, all); err != nil {
						return err
					}
				}
				return failed
			})
		},
		ValidArgsFunction: agent.complete(0, completeBlocks),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newBlockFlush(std streams, agent *agentFlags) *cobra.Command {
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "flush",
		Short: "Lift all blocks",
		Long: `Flush lifts all blocks. The agent goes on: what is detected again is blocked
again. Where it must not: slips-ips panic, or mode = "dry-run" and a restart.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !yes {
				return usagef("this lifts all blocks; say --yes if you mean it")
			}
			err := agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				f, err := c.FlushBlocks(ctx)
				switch {
				case err != nil:
					return err
				case asJSON:
					return writeJSON(std.out, f)
				}
				err = say(std.out, "lifted %s", numbers.Count(f.Lifted, "block", "blocks"))
				return err
			})
			if errors.Is(err, control.ErrNotRunning) {
				return fmt.Errorf("%w; blocks stay in the kernel without an agent until they run out: slips-ips panic removes them all", err)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
