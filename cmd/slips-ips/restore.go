package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent"
	"slips-ips/agent/numbers"
)

// restoredResult is what restore --json prints.
type restoredResult struct {
	// Nothing says why there was nothing to restore.
	Nothing string `json:"nothing,omitempty"`
	// Blocks are in force, Adopted of them were in the kernel before; Refused must not
	// be, Failed the kernel did not take.
	Blocks  int           `json:"blocks"`
	Adopted int           `json:"adopted"`
	Refused int           `json:"refused"`
	Failed  int           `json:"failed"`
	Took    time.Duration `json:"took_ns"`
}

func newRestore(std streams) *cobra.Command {
	var (
		configPath, state string
		asJSON            bool
	)
	cmd := &cobra.Command{
		Use:   "restore",
		Short: "Put the blocks of before a reboot in force again, and end",
		Long: `Restore reads from the history which blocks are in force, and puts those that the
kernel does not have into it, for the time that is left of them. It is for a
service that runs before packets are forwarded (slips-ips-restore.service); the
agent that is started later adopts the blocks, and restores what is missing
itself. It does nothing where the mode is not enforce, where blocking is paused,
or where an agent runs.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(configPath, cmd.Flags().Changed("config"))
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("state") {
				c.Agent.State = state
			}
			r, err := agent.RestoreOnce(cmd.Context(), c)
			if err != nil {
				return err
			}
			return writeRestored(std, r, asJSON)
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&configPath, "config", "c", agent.DefaultConfigPath, "go by this slips.toml `FILE`; the default one may be missing")
	fs.StringVar(&state, "state", "", "find the history in this `DIR`, in place of the configured one")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// writeRestored prints what became of a restore. Blocks that failed are an error.
func writeRestored(std streams, r agent.Restored, asJSON bool) (err error) {
	switch {
	case asJSON:
		err = writeJSON(std.out, restoredResult{r.Nothing, r.Blocks, r.Adopted, r.Refused, r.Failed, r.Took})
	case r.Nothing != "":
		err = say(std.out, "nothing to restore: %s", r.Nothing)
	default:
		err = say(std.out, "%s in force (%d were before, %d must not be any more) after %s", numbers.Count(r.Blocks, "block is", "blocks are"),
			r.Adopted, r.Refused, r.Took.Round(time.Millisecond))
	}
	if r.Failed > 0 {
		return fmt.Errorf("%d blocks could not be restored: %w", r.Failed, r.First)
	}
	return err
}
