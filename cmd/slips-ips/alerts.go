package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent/control"
	"slips-ips/agent/history"
)

// alertsFlags are the filters of alerts.
type alertsFlags struct {
	since, until string
	kinds        []string
	q            history.Query
	follow       bool
	ids, asJSON  bool
}

// tailEvents is how many events of the past --follow begins with.
const tailEvents = 10

func newAlerts(std streams, agent *agentFlags) *cobra.Command {
	var opt alertsFlags
	cmd := &cobra.Command{
		Use:   "alerts",
		Short: "List what happened: alerts and blocks, and on request all else",
		Long: `Alerts lists what the agent decided, the newest last: alerts and blocks, or what
--kind names: alert, block, lift, feed (a source came or went), change (by an
admin), agent (start and stop), or all. With --follow it begins with the last ten
and goes on with what happens, until it is stopped.

Times are local unless they name a zone; durations may have days: 7d.
With --json it prints one object, or with --follow a line for each event.`,
		Example: `  slips-ips alerts --since 1d --label "*Zeus*"
  slips-ips alerts --since "2026-03-01 12:00" --until 13:00 --source 10.0.0.7
  slips-ips alerts --follow --kind all`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opt.prepare(time.Now()); err != nil {
				return err
			}
			if opt.follow {
				if !cmd.Flags().Changed("limit") && opt.since == "" {
					opt.q.Limit = tailEvents
				}
				return followEvents(cmd.Context(), std, agent, &opt)
			}
			return agent.ask(cmd.Context(), func(ctx context.Context, c *control.Client) error {
				page, err := allEvents(ctx, c, opt.q)
				if err != nil {
					return err
				}
				// A list that is behind must not look like one in which nothing happened.
				if s, err := c.Status(ctx); err == nil && s.History.Error != "" {
					fmt.Fprintf(std.err, "warning: %d events are not in the history yet: %s\n", s.History.Waiting, s.History.Error)
				}
				if opt.asJSON {
					return writeJSON(std.out, page)
				}
				slices.Reverse(page.Events)
				if err := newEventPrinter(std, opt.ids).print(page.Events...); err != nil {
					return err
				}
				if page.Next != "" {
					fmt.Fprintf(std.err, "the newest %d; --limit 0 shows all\n", len(page.Events))
				}
				return nil
			})
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&opt.since, "since", "", "from this `TIME` on, or from so long ago (2h, 7d)")
	fs.StringVar(&opt.until, "until", "", "before this `TIME`, or up to so long ago")
	fs.StringVar(&opt.q.Label, "label", "", "whose label fits this `GLOB`, letter case ignored")
	fs.StringVar(&opt.q.Host, "source", "", "with this address, or one in this network (`NET`), at either end")
	fs.StringVar(&opt.q.Host, "host", "", "the same as --source")
	fs.StringVar(&opt.q.Tuple, "tuple", "", "of this `TUPLE`")
	fs.StringVar(&opt.q.Source, "feed", "", "episodes of the feed with this `URL`")
	fs.StringSliceVar(&opt.kinds, "kind", []string{"alert", "block"}, "of these `KINDS`: alert, block, lift, feed, change, agent or all")
	fs.IntVar(&opt.q.Limit, "limit", control.DefaultLimit, "the newest `N` of them; 0: all")
	fs.BoolVarP(&opt.follow, "follow", "f", false, "go on with what happens")
	fs.BoolVar(&opt.ids, "ids", false, "show the ids, for explain and block remove")
	fs.BoolVar(&opt.asJSON, "json", false, "print JSON")
	if err := fs.MarkHidden("host"); err != nil {
		panic(err) // the flag is defined above
	}
	completeFlag(cmd, "kind", words("alert", "block", "lift", "feed", "change", "agent", "all"))
	completeFlag(cmd, "label", agent.complete(0, completeLabels))
	completeFlag(cmd, "tuple", agent.complete(0, completeTuples))
	return cmd
}

// prepare makes the query of the flags.
func (o *alertsFlags) prepare(now time.Time) (err error) {
	if o.since != "" {
		if o.q.Since, err = parseMoment(o.since, now); err != nil {
			return usagef("--since %w", err)
		}
	}
	if o.until != "" {
		if o.follow {
			return usagef("--until ends, and --follow does not: leave one out")
		}
		if o.q.Until, err = parseMoment(o.until, now); err != nil {
			return usagef("--until %w", err)
		}
	}
	if o.q.Limit < 0 {
		return usagef("--limit %d: use 0 or more", o.q.Limit)
	}
	if slices.Contains(o.kinds, "all") {
		return nil
	}
	for _, s := range o.kinds {
		k, err := control.ParseKind(strings.ToLower(s))
		if err != nil {
			return usagef("--kind: %w", err)
		}
		o.q.Kinds = append(o.q.Kinds, k)
	}
	return nil
}

// allEvents asks again and again where more are wanted than one answer has.
func allEvents(ctx context.Context, c *control.Client, q history.Query) (history.Page, error) {
	wanted := q.Limit
	all := history.Page{Events: []history.Event{}}
	for {
		q.Limit = pageSize(wanted, len(all.Events), control.MaxEvents)
		page, err := c.Events(ctx, q)
		if err != nil {
			return history.Page{}, err
		}
		all.Events = append(all.Events, page.Events...)
		all.Next = page.Next
		if page.Next == "" || len(page.Events) == 0 || len(all.Events) == wanted {
			return all, nil
		}
		q.After = page.Next
	}
}

// followEvents prints the newest events and then those to come, none twice and
// none left out: it listens before it asks for the past.
func followEvents(ctx context.Context, std streams, agent *agentFlags, opt *alertsFlags) error {
	c, err := control.Dial(agent.socket)
	if err != nil {
		return err
	}
	defer c.Close()
	show := newEventPrinter(std, opt.ids).print
	if opt.asJSON {
		show = func(events ...history.Event) error {
			for i := range events {
				var v any = &events[i]
				if events[i].ID == "" { // none: it tells what was missed
					v = map[string]string{"lost": events[i].Text}
				}
				if err := writeLine(std.out, v); err != nil {
					return err
				}
			}
			return nil
		}
	}
	shown := map[string]bool{}
	past := func() error {
		ctx, stop := context.WithTimeout(ctx, askTime)
		defer stop()
		page, err := allEvents(ctx, c, opt.q)
		if err != nil {
			return err
		}
		for i := range page.Events {
			shown[page.Events[i].ID] = true
		}
		slices.Reverse(page.Events)
		return show(page.Events...)
	}
	var failed error
	future := opt.q
	future.Since = time.Time{}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for e, err := range c.Follow(ctx, future, func() {
		if failed = past(); failed != nil {
			stop()
		}
	}) {
		if err != nil {
			return err
		}
		if shown[e.ID] && e.ID != "" {
			continue
		}
		clear(shown) // what was known at the beginning comes at the beginning
		if err := show(e); err != nil {
			return err
		}
	}
	return failed
}
