package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent"
	"slips-ips/agent/control"
	"slips-ips/models"
	"slips-ips/models/bundle"
)

// updateTime is how long a transfer may take.
const updateTime = 2 * time.Minute

// switchResult is what models update and rollback --json print.
type switchResult struct {
	// Changed is false where these models were in force already.
	Changed bool `json:"changed"`
	signedModels
	// From is the serial of the models before, 0 where there were none.
	From int64 `json:"from"`
	// Folder is that for [detection] models.
	Folder string `json:"folder"`
	// Reloaded is what the agent did about it; null: it was not asked, or there is
	// none.
	Reloaded *control.ReloadResult `json:"reloaded"`
	Notes    []string              `json:"notes"`
}

// switching is what update and rollback have in common.
type switching struct {
	signedFlags
	agent    *agentFlags
	noReload bool
}

func (f *switching) register(cmd *cobra.Command) {
	f.signedFlags.register(cmd)
	cmd.Flags().BoolVar(&f.noReload, "no-reload", false, "do not make a running agent read the models again")
}

func newModelsUpdate(std streams, asked *agentFlags) *cobra.Command {
	f := switching{agent: asked}
	var (
		force   bool
		timeout time.Duration
	)
	cmd := &cobra.Command{
		Use:   "update FILE|DIR|URL",
		Short: "Install signed models, and have the agent use them",
		Long: `Update takes a bundle of models from a file, a folder or a web server, checks it as
models verify does, unpacks it beside the models in force, and switches to it. A
running agent that detects with them ([detection] models) is made to read them;
where it refuses, the models before are put back. So either all of it happens or
nothing.

What is not newer than what was ever in force is refused, unless --force is given:
a server that was broken into could else bring old models back. The exit status is
0 as well where these models are in force already; with 1 and 2 nothing was changed.

Without network it ends when --timeout is over. Proxies are those of the
environment (https_proxy, no_proxy).`,
		Example: `  slips-ips models update slips-ips-models-7.tar.gz
  slips-ips models update https://models.example/slips-ips-models.tar.gz`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes one file, folder or URL", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout < time.Second || timeout > time.Hour {
				return usagef("--timeout %s is not allowed; use 1s to 1h", timeout)
			}
			c, keys, err := f.read(cmd)
			if err != nil {
				return err
			}
			b, err := obtain(cmd.Context(), args[0], keys, timeout)
			if err != nil {
				return err
			}
			note, err := b.Manifest.ForProgram(version)
			if err != nil {
				return err
			}
			var notes []string
			if note != "" {
				notes = append(notes, note)
			}
			return f.change(cmd, std, c, notes, func(s *bundle.Store, check bundle.Check) (bundle.Change, error) {
				return s.Install(b, force, check)
			})
		},
	}
	f.register(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "also where they are not newer than what was in force")
	cmd.Flags().DurationVar(&timeout, "timeout", updateTime, "how long the transfer may take, 1s to 1h")
	return cmd
}

func newModelsRollback(std streams, asked *agentFlags) *cobra.Command {
	f := switching{agent: asked}
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Go back to the models before the last update",
		Long: `Rollback checks the models that were in force before the last models update and
switches back to them; a running agent is made to read them, as by update. It
goes back once: one version before is kept. The models it goes back from are
not taken again by models update, unless --force is given; later ones are.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, keys, err := f.read(cmd)
			if err != nil {
				return err
			}
			return f.change(cmd, std, c, nil, func(s *bundle.Store, check bundle.Check) (bundle.Change, error) {
				return s.Rollback(keys, check)
			})
		},
	}
	f.register(cmd)
	return cmd
}

// obtain gets a bundle and checks it.
func obtain(ctx context.Context, from string, keys []bundle.Key, timeout time.Duration) (bundle.Bundle, error) {
	if !bundle.IsURL(from) {
		return bundle.ReadFile(from, keys)
	}
	ctx, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	data, err := bundle.Fetch(ctx, from, "slips-ips/"+version)
	if err != nil {
		return bundle.Bundle{}, err
	}
	b, err := bundle.Read(bytes.NewReader(data), keys)
	if err != nil {
		return b, fmt.Errorf("checking what was fetched: %w", err)
	}
	return b, nil
}

// change switches the models in force and has the agent follow, or leaves all as
// it was.
func (f *switching) change(cmd *cobra.Command, std streams, c agent.Config, notes []string,
	do func(*bundle.Store, bundle.Check) (bundle.Change, error)) (err error) {
	s, err := bundle.OpenStore(c.Models.Folder)
	if err != nil {
		return err
	}
	defer s.Close()
	change, err := do(s, func(set []models.Model) error {
		more, err := agent.CheckModels(c, set)
		notes = append(notes, more...)
		return err
	})
	if err != nil {
		return err
	}
	r := switchResult{
		Changed: change.Changed, signedModels: describeBundle(change.Bundle), From: change.From,
		Folder: bundle.ModelsIn(c.Models.Folder), Notes: append([]string{}, notes...),
	}
	if !usesInstalled(c) {
		r.Notes = append(r.Notes, notUsed(c))
	} else if change.Changed {
		var note string
		if r.Reloaded, note, err = f.reload(cmd.Context(), cmd, c); err != nil {
			return f.undo(cmd, c, change, err)
		}
		if note != "" {
			r.Notes = append(r.Notes, note)
		}
	}
	if err := change.Keep(); err != nil {
		r.Notes = append(r.Notes, err.Error())
	}
	if f.asJSON {
		return writeJSON(std.out, r)
	}
	return writeSwitch(std, r)
}

// undo puts the models before back. An agent that did not answer, or failed late,
// may have read the new ones: then it is asked once more.
func (f *switching) undo(cmd *cobra.Command, c agent.Config, change bundle.Change, why error) error {
	err := fmt.Errorf("the models are not changed, since the agent does not take the new ones: %w", why)
	if undone := change.Undo(); undone != nil {
		return errors.Join(err, undone)
	}
	if errors.Is(why, control.ErrInvalid) || errors.Is(why, control.ErrForbidden) {
		return err // it has read nothing
	}
	// Also where the command is interrupted.
	if _, _, again := f.reload(context.WithoutCancel(cmd.Context()), cmd, c); again != nil {
		err = errors.Join(err, fmt.Errorf("asked to read those before again, it failed as well: in case it uses the new ones, do slips-ips reload: %w", again))
	}
	return err
}

// reload makes a running agent read the models again. The note says why none did.
func (f *switching) reload(ctx context.Context, cmd *cobra.Command, c agent.Config) (*control.ReloadResult, string, error) {
	asked := f.agent
	if !cmd.Flags().Changed("socket") {
		asked = &agentFlags{socket: c.Agent.Socket}
	}
	switch {
	case f.noReload:
		return nil, "a running agent uses them after: slips-ips reload", nil
	case asked.socket == "":
		return nil, "the agent has no control socket ([agent] socket): have it read them with kill -HUP, or start it again", nil
	}
	var result control.ReloadResult
	err := asked.ask(ctx, func(ctx context.Context, cl *control.Client) (err error) {
		result, err = cl.Reload(ctx, control.ReloadRequest{})
		return err
	})
	switch {
	case errors.Is(err, control.ErrNotRunning):
		return nil, "no agent answers at " + asked.socket + ": the next one that is started uses them", nil
	case errors.Is(err, control.ErrUnavailable):
		return nil, "the agent cannot reload (" + err.Error() + "): start it again", nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return nil, "", fmt.Errorf("it did not answer: %w", err)
	case err != nil:
		return nil, "", err
	}
	return &result, "", nil
}

func writeSwitch(std streams, r switchResult) error {
	var err error
	switch {
	case !r.Changed:
		err = say(std.out, "nothing to do: these models are in force already")
	case r.From == 0:
		err = say(std.out, "installed")
	default:
		err = say(std.out, "in force now, in place of serial %d", r.From)
	}
	if err == nil {
		err = writeBundle(std, r.signedModels)
	}
	if err == nil {
		err = writeNotes(std, r.Notes)
	}
	if err == nil && r.Reloaded != nil {
		if err = say(std.out, "the agent has read them:"); err == nil {
			err = writeReload(std, *r.Reloaded, false)
		}
	}
	return err
}

// usesInstalled tells whether an agent of this configuration detects with what is
// installed.
func usesInstalled(c agent.Config) bool {
	return c.Detection.Models != "" && filepath.Clean(c.Detection.Models) == bundle.ModelsIn(filepath.Clean(c.Models.Folder))
}

func notUsed(c agent.Config) string {
	return fmt.Sprintf("the agent does not detect with them; in slips.toml: [detection] models = %q, then slips-ips reload", bundle.ModelsIn(c.Models.Folder))
}
