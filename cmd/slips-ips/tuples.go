package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
	"slips-ips/agent/numbers"
	"slips-ips/agent/report"
	"slips-ips/argusfeed"
)

func newTuples(std streams, agent *agentFlags) *cobra.Command {
	var (
		q             control.TupleQuery
		sort          string
		watch         watchFlag
		table, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "tuples [GLOB]",
		Short: "List the tuples that the agent knows",
		Long: `Tuples lists what the agent knows: source-destination-port-protocol, the number
of flows, the newest letters and what they are detected as, as the original slips
printed it. GLOB selects by the whole tuple: "10.0.0.5-*-443-tcp".`,
		Example: `  slips-ips tuples --detected
  slips-ips tuples "10.0.0.5-*" --sort flows --table
  slips-ips tuples --host 203.0.113.0/24 --watch`,
		Args: atMostOneOf("pattern"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				q.Match = args[0]
			}
			q.Sort = control.TupleSort(sort)
			if !cmd.Flags().Changed("limit") && watch.every > 0 {
				if _, height := terminalSize(std.out); height > 3 {
					q.Limit = height - 2
				}
			}
			return agent.ask(cmd.Context(), func(_ context.Context, c *control.Client) error {
				return watch.run(cmd.Context(), std, func() error {
					ctx, stop := context.WithTimeout(cmd.Context(), askTime)
					defer stop()
					list, err := allTuples(ctx, c, q)
					switch {
					case err != nil:
						return err
					case asJSON && watch.every > 0:
						return writeLine(std.out, list)
					case asJSON:
						return writeJSON(std.out, list)
					}
					if table {
						err = tupleTable(std, list)
					} else {
						err = tupleListing(std, list)
					}
					if n := len(list.Tuples); err == nil && n < list.Matching-q.Offset {
						fmt.Fprintf(std.err, "%d of %d tuples; --limit 0 shows all\n", n, list.Matching)
					}
					return err
				})
			})
		},
		ValidArgsFunction: agent.complete(1, completeTuples),
	}
	fs := cmd.Flags()
	fs.StringVar(&q.Host, "host", "", "whose source or destination is this address or in this network (`NET`)")
	fs.StringVar(&q.Label, "label", "", "detected as what fits this `GLOB`, letter case ignored")
	fs.BoolVar(&q.Detected, "detected", false, "detected as anything at all")
	fs.Uint64Var(&q.MinFlows, "min-flows", 0, "with at least `N` flows")
	fs.StringVar(&sort, "sort", string(control.SortLast), "the first ones by `ORDER`: last (newest flow), flows, detections or score")
	fs.IntVar(&q.Limit, "limit", control.DefaultLimit, "at most `N` of them; 0: all")
	fs.IntVar(&q.Letters, "letters", control.DefaultLetters, "at most `N` of the newest letters of each; 0: none")
	fs.BoolVar(&table, "table", false, "as a table, with more numbers")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	watch.register(fs)
	completeFlag(cmd, "sort", words("last", "flows", "detections", "score"))
	completeFlag(cmd, "label", agent.complete(0, completeLabels))
	return cmd
}

// allTuples asks again and again where more are wanted than one answer has.
func allTuples(ctx context.Context, c *control.Client, q control.TupleQuery) (control.TupleList, error) {
	if q.Letters == 0 {
		q.Letters = -1 // for people none is 0, for the agent that is the default
	}
	wanted := q.Limit
	all := control.TupleList{Tuples: []control.TupleRow{}}
	for {
		q.Limit = pageSize(wanted, len(all.Tuples), control.MaxLimit)
		list, err := c.Tuples(ctx, q)
		if err != nil {
			return control.TupleList{}, err
		}
		list.Tuples = append(all.Tuples, list.Tuples...)
		got := len(list.Tuples) - len(all.Tuples)
		all = list
		q.Offset += got
		if got < q.Limit || len(all.Tuples) == wanted {
			return all, nil
		}
	}
}

// pageSize gives how many to ask for: of wanted (0: all) there are got already.
func pageSize(wanted, got, most int) int {
	if wanted <= 0 {
		return most
	}
	return min(wanted-got, most)
}

func tupleListing(std streams, list control.TupleList) error {
	p := report.NewPrinter(std.out, colourWanted(std.out), report.Config{Tuples: report.TuplesAll})
	for i := range list.Tuples {
		p.Tuple(&list.Tuples[i].TupleInfo)
	}
	return p.Flush()
}

func tupleTable(std streams, list control.TupleList) error {
	t := newColumns(column{name: "tuple"}, column{name: "flows", right: true}, column{name: "hits", right: true}, column{name: "score", right: true},
		column{name: "last flow", extra: true}, column{name: "label", fit: true}, column{name: "letters", fit: true, tail: true})
	for _, i := range list.Tuples {
		score, hits, letters := "", "", i.Letters
		if i.Label != "" {
			score = numbers.Score(i.Score)
		}
		if i.Detections > 0 {
			hits = strconv.FormatUint(i.Detections, 10)
		}
		if i.Cut && letters != "" {
			letters = ".." + letters
		}
		t.add(i.Tuple.String(), strconv.FormatUint(i.Flows, 10), hits, score, flowTime(i.Last), i.Label, letters)
	}
	width, _ := terminalSize(std.out)
	return t.write(std.out, width)
}

// flowTime writes the time of a flow for people.
func flowTime(t argusfeed.Time) string {
	if t == 0 {
		return "never"
	}
	return localTime(t.Time())
}

// atMostOneOf is for commands that take one thing or nothing.
func atMostOneOf(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usagef("%s takes one %s, not %d", cmd.CommandPath(), what, len(args))
		}
		return nil
	}
}
