package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
	"slips-ips/enforce"
	"slips-ips/policy"
)

func newBlockList(std streams, agent *agentFlags) *cobra.Command {
	var (
		q           control.BlockQuery
		state       string
		ids, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "list [GLOB]",
		Short: "List the blocks that have not run out, the newest first",
		Example: `  slips-ips block list
  slips-ips block list "10.0.0.5-*"
  slips-ips block list --state missing --json`,
		Args: atMostOneOf("pattern"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				q.Match = args[0]
			}
			q.State = enforce.State(state)
			return agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				list, err := allBlocks(ctx, c, q)
				switch {
				case err != nil:
					return err
				case asJSON:
					return writeJSON(std.out, list)
				}
				if list.DryRun {
					fmt.Fprintln(std.err, "dry-run: nothing is blocked; these would be")
				}
				if err := writeBlocks(std, list.Blocks, ids); err != nil {
					return err
				}
				if n := len(list.Blocks); n < list.Matching {
					fmt.Fprintf(std.err, "%d of %d blocks; --limit 0 shows all\n", n, list.Matching)
				}
				return nil
			})
		},
		ValidArgsFunction: agent.complete(1, completeBlocks),
	}
	fs := cmd.Flags()
	fs.StringVar(&q.Host, "host", "", "whose source or destination is this address or in this network (`NET`)")
	fs.StringVar(&state, "state", "", "in this `STATE`: blocked, missing (not in the kernel) or would-block (dry-run)")
	fs.IntVar(&q.Limit, "limit", control.DefaultLimit, "at most `N` of them; 0: all")
	fs.BoolVar(&ids, "ids", false, "show the ids")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	completeFlag(cmd, "state", words("blocked", "missing", "would-block"))
	return cmd
}

// allBlocks asks again and again where more are wanted than one answer has.
func allBlocks(ctx context.Context, c *control.Client, q control.BlockQuery) (control.BlockList, error) {
	wanted := q.Limit
	all := control.BlockList{Blocks: []control.BlockInfo{}}
	for {
		q.Limit = pageSize(wanted, len(all.Blocks), control.MaxLimit)
		list, err := c.Blocks(ctx, q)
		if err != nil {
			return control.BlockList{}, err
		}
		list.Blocks = append(all.Blocks, list.Blocks...)
		got := len(list.Blocks) - len(all.Blocks)
		all = list
		q.Offset += got
		if got < q.Limit || len(all.Blocks) == wanted {
			return all, nil
		}
	}
}

func writeBlocks(std streams, blocks []control.BlockInfo, ids bool) error {
	// Where all are tuples nobody needs to be told.
	wide := slices.ContainsFunc(blocks, func(b control.BlockInfo) bool { return b.Scope != policy.ScopeTuple })
	cols := []column{{name: "tuple"}, {name: "state"}, {name: "left", right: true}, {name: "until", extra: true}, {name: "by", fit: true}, {name: "label", fit: true}, {name: "reason", fit: true, extra: true}}
	if ids {
		cols = append([]column{{name: "id"}}, cols...)
	}
	if wide {
		cols = append(cols, column{name: "scope"})
	}
	counted := slices.ContainsFunc(blocks, func(b control.BlockInfo) bool { return b.Hits != nil })
	if counted {
		cols = append(cols, column{name: "packets", right: true})
	}
	t := newColumns(cols...)
	width, _ := terminalSize(std.out)
	for i := range blocks {
		b := &blocks[i]
		by := ""
		if b.By != nil {
			by = b.By.Words()
		}
		row := []string{b.Tuple.String(), string(b.State), numbers.Left(time.Duration(b.Left * float64(time.Second))),
			localTime(b.Until), by, b.Label, b.Reason}
		if ids {
			row = append([]string{b.ID}, row...)
		}
		if wide {
			row = append(row, string(b.Scope))
		}
		if counted {
			packets := ""
			if b.Hits != nil {
				packets = numbers.Grouped(b.Hits.Packets)
			}
			row = append(row, packets)
		}
		t.add(row...)
	}
	return t.write(std.out, width)
}
