package main

import (
	"github.com/spf13/cobra"
)

func newBlock(std streams, agent *agentFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "block",
		Short: "List, add and lift blocks",
		Long: `Block shows the blocks in force and changes them by hand. What is done by hand
is guarded as what the agent decides: this host's own needs are never blocked.
Who did it is kept in the history.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to do: %s list, add, remove or flush", cmd.CommandPath())
		},
	}
	cmd.AddCommand(newBlockList(std, agent), newBlockAdd(std, agent), newBlockRemove(std, agent), newBlockFlush(std, agent))
	return cmd
}
