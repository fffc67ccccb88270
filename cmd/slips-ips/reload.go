package main

import (
	"context"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
)

func newReload(std streams, agent *agentFlags) *cobra.Command {
	var (
		r      control.ReloadRequest
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Make the agent read its configuration, models and allow list again",
		Long: `Reload is all or nothing: where something is wrong the agent goes on as before,
and what is wrong is told. Blocks that the new policy would not make are listed;
they stay until they run out, unless --lift is given. Those of networks that are
protected or allowed now are lifted at once.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.Check && r.Lift {
				return usagef("--check changes nothing, and --lift does: leave one out")
			}
			return agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				result, err := c.Reload(ctx, r)
				switch {
				case err != nil:
					return err
				case asJSON:
					return writeJSON(std.out, result)
				}
				return writeReload(std, result, r.Check)
			})
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&r.Check, "check", false, "change nothing, tell what would change")
	fs.BoolVar(&r.Lift, "lift", false, "lift the blocks that the new policy would not make")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func writeReload(std streams, r control.ReloadResult, check bool) error {
	word := "changed"
	if check {
		word = "would change"
	}
	if len(r.Changes) == 0 {
		_ = say(std.out, "nothing %s", word)
	}
	for _, c := range r.Changes {
		_ = say(std.out, "%s: %s", word, c)
	}
	word = "lifted, it must not be blocked now"
	if check {
		word = "would be lifted, it must not be blocked"
	}
	for _, p := range r.Protected {
		if err := say(std.out, "%s: %s: %s", word, p.Block.Tuple, p.Why); err != nil {
			return err
		}
	}
	word = "unwanted now (--lift lifts it)"
	switch {
	case r.Lifted:
		word = "lifted"
	case check:
		word = "would be unwanted"
	}
	for _, u := range r.Unwanted {
		if err := say(std.out, "%s: %s, until %s: %s", word, u.Block.Tuple, localTime(u.Block.Until), u.Why); err != nil {
			return err
		}
	}
	return nil
}
