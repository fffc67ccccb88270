package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"

	"github.com/spf13/cobra"

	"slips-ips/agent"
	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
	"slips-ips/enforce"
)

// rescueFlags are those of panic and resume.
type rescueFlags struct {
	configPath string
	asJSON     bool
}

func (f *rescueFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.configPath, "config", "c", agent.DefaultConfigPath, "where no agent answers, go by this slips.toml `FILE`; the default one may be missing")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print JSON")
}

// config reads slips.toml. One that is wrong must not keep anybody from help: then
// it is the defaults.
func (f *rescueFlags) config(cmd *cobra.Command, std streams) agent.Config {
	c, err := loadConfig(f.configPath, cmd.Flags().Changed("config"))
	if err != nil {
		fmt.Fprintf(std.err, "slips-ips: going by the defaults (table inet %s, state in %s): %v\n",
			agent.DefaultConfig().Enforce.Table, agent.DefaultState, err)
		return agent.DefaultConfig()
	}
	return c
}

// asked is asked, at the socket of the configuration unless another one is named.
func (f *rescueFlags) asked(cmd *cobra.Command, asked *agentFlags, c agent.Config) *agentFlags {
	if !cmd.Flags().Changed("socket") && c.Agent.Socket != "" {
		return &agentFlags{socket: c.Agent.Socket}
	}
	return asked
}

func newPanic(std streams, asked *agentFlags) *cobra.Command {
	var f rescueFlags
	cmd := &cobra.Command{
		Use:   "panic",
		Short: "Everything off: lift all blocks, remove the table, block nothing until resume",
		Long: `Panic lifts all blocks at once, removes the agent's table from the kernel, and
keeps the agent from blocking: it goes on detecting and alerting, also after a
restart, until slips-ips resume. No other firewall's rules are touched.

Where no agent answers it removes the table itself (as root), and leaves a file
in the state folder that makes an agent that is started begin paused. A wrong
slips.toml does not keep it from that: then it goes by the defaults.`,
		Example: `  slips-ips panic
  slips-ips resume`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := f.config(cmd, std)
			var result control.PauseResult
			err := f.asked(cmd, asked, c).ask(cmd.Context(), func(ctx context.Context, cl *control.Client) (err error) {
				result, err = cl.Panic(ctx)
				return err
			})
			alone := errors.Is(err, control.ErrNotRunning) || errors.Is(err, control.ErrUnavailable)
			switch {
			case alone, err == nil && result.DryRun:
				// An agent that does not enforce leaves alone what one before it left.
				p, aerr := agent.PauseAlone(c, cmp.Or(result.By, localUser()))
				if aerr != nil {
					return stillBlocks(aerr, c)
				}
				result.Paused, result.Since, result.By = true, p.Since, p.By
			case err != nil:
				return fmt.Errorf("%w\nEnd that agent (systemctl kill -s KILL slips-ips, or kill -9), and do this again", err)
			}
			if f.asJSON {
				return writeJSON(std.out, result)
			}
			text := "everything is off: the table is gone, and an agent that is started blocks nothing until slips-ips resume"
			if !alone {
				text = "everything is off: " + numbers.Count(result.Lifted, "block was", "blocks were") + " lifted, and nothing is blocked until slips-ips resume"
			}
			return say(std.out, "%s", text)
		},
	}
	f.register(cmd)
	return cmd
}

// stillBlocks says what helps where the table could not be removed.
func stillBlocks(err error, c agent.Config) error {
	if errors.Is(err, enforce.ErrInUse) {
		return fmt.Errorf("%w\nThat agent does not answer at %s: name its socket (--socket), or end it (systemctl kill -s KILL slips-ips, or kill -9) and do this again", err, c.Agent.Socket)
	}
	return fmt.Errorf("%w\nAs root this may help: nft delete table inet %s", err, c.Enforce.Table)
}

func newResume(std streams, asked *agentFlags) *cobra.Command {
	var f rescueFlags
	cmd := &cobra.Command{
		Use:   "resume",
		Short: "Block again what is decided, after panic",
		Long: `Resume ends what slips-ips panic began. Blocks that were lifted do not come back;
what is detected from now on is blocked again.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := f.config(cmd, std)
			var result control.PauseResult
			err := f.asked(cmd, asked, c).ask(cmd.Context(), func(ctx context.Context, cl *control.Client) (err error) {
				result, err = cl.Resume(ctx)
				return err
			})
			text := "blocking goes on"
			if errors.Is(err, control.ErrNotRunning) || errors.Is(err, control.ErrUnavailable) {
				var p agent.Paused
				var was bool
				if p, was, err = agent.ResumeAlone(c); was {
					result.Since, result.By = p.Since, p.By
				}
				text = "the agent blocks again when it is started"
			}
			switch {
			case err != nil:
				return err
			case f.asJSON:
				return writeJSON(std.out, result)
			case result.Since.IsZero():
				text = "blocking was not paused"
			case result.DryRun:
				text = "the pause is over; the agent is in dry-run, and blocks nothing"
			}
			return say(std.out, "%s", text)
		},
	}
	f.register(cmd)
	return cmd
}

// localUser names who runs this program.
func localUser() string {
	name := ""
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return cmp.Or(os.Getenv("SUDO_USER"), name)
}
