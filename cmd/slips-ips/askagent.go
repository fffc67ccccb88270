package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"slips-ips/agent/control"
)

// agentFlags say which agent a command asks.
type agentFlags struct{ socket string }

func (f *agentFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.socket, "socket", control.DefaultPath, "the control socket of the agent to ask, a `PATH`")
}

// askTime is how long a command waits for an answer, a completion in a shell much
// shorter.
const (
	askTime      = 30 * time.Second
	completeTime = time.Second
)

// ask connects, and gives ask a client and a context that ends in time.
func (f *agentFlags) ask(ctx context.Context, ask func(context.Context, *control.Client) error) error {
	c, err := control.Dial(f.socket)
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, stop := context.WithTimeout(ctx, askTime)
	defer stop()
	return ask(ctx, c)
}

// completion gives candidates for a word that is typed in a shell. What goes
// wrong gives none.
type completion func(ctx context.Context, c *control.Client, typed string) []string

// complete makes a completion one of cobra, for the first most arguments.
func (f *agentFlags) complete(most int, from ...completion) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		var found []string
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		_ = f.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
			ctx, stop := context.WithTimeout(ctx, completeTime)
			defer stop()
			for _, candidates := range from {
				found = append(found, candidates(ctx, c, typed)...)
			}
			return nil
		})
		return found, cobra.ShellCompDirectiveNoFileComp
	}
}

// maxCandidates is how many completions are worth being shown.
const maxCandidates = 50

func completeTuples(ctx context.Context, c *control.Client, typed string) (found []string) {
	l, err := c.Tuples(ctx, control.TupleQuery{Match: control.ExactGlob(typed) + "*", Limit: maxCandidates, Letters: -1})
	if err != nil {
		return nil
	}
	for _, t := range l.Tuples {
		found = append(found, t.Tuple.String())
	}
	return found
}

func completeBlocks(ctx context.Context, c *control.Client, typed string) (found []string) {
	l, err := c.Blocks(ctx, control.BlockQuery{Match: control.ExactGlob(typed) + "*", Limit: maxCandidates})
	if err != nil {
		return nil
	}
	for _, b := range l.Blocks {
		found = append(found, b.Tuple.String())
	}
	return found
}

func completeLabels(ctx context.Context, c *control.Client, typed string) (found []string) {
	st, err := c.Status(ctx)
	if err != nil {
		return nil
	}
	for label := range st.Detection.Labels {
		if strings.HasPrefix(label, typed) {
			found = append(found, label)
		}
	}
	return found
}

func completeAllows(ctx context.Context, c *control.Client, typed string) (found []string) {
	list, err := c.Allows(ctx)
	if err != nil {
		return nil
	}
	for _, a := range list {
		if a.From == control.FromAllow && strings.HasPrefix(a.Network, typed) {
			found = append(found, a.Network)
		}
	}
	return found
}

// words completes a flag that has few values.
func words(values ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
}

// completeFlag says what completes a flag of cmd.
func completeFlag(cmd *cobra.Command, name string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, f); err != nil {
		panic(err) // the flag is defined beside
	}
}
