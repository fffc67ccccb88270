package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/agent/report"
	"slips-ips/argusfeed"
	"slips-ips/models"
	"slips-ips/models/train"
)

func newLearn(std streams) *cobra.Command {
	var dir, to string
	var asJSON bool
	opt := train.BaselineOptions{}
	cmd := &cobra.Command{
		Use:   "learn FILE...",
		Short: "Propose what would silence the recurring tuples of this network",
		Long: `Learn reads stored flows of this network, some days of them, and looks for tuples
that alert and recur: update services, monitoring, things that call home. For each
it proposes a Normal model, or an entry for [protect], and tells what that would
silence. It changes nothing: with --to the models are written into a folder, and
the admin moves those that are right to where [detection] models points.

What recurs may be malware that has been there all along. What is nearly sure
(--unsure) is listed and not proposed.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s needs stored flows: files", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkMinFlows(opt.MinContacts); err != nil {
				return err
			}
			set, err := loadModels(std, dir)
			if err != nil {
				return err
			}
			opt.Models, opt.Tool = set, "slips-ips learn, "+version
			if opt.Learned, err = dayOf(""); err != nil {
				return err
			}
			var flows []argusfeed.Flow
			for _, path := range args {
				some, err := readFlows(cmd.Context(), std, path)
				if err != nil {
					return err
				}
				flows = append(flows, some...)
			}
			slices.SortStableFunc(flows, func(a, b argusfeed.Flow) int { return cmp.Compare(a.Start, b.Start) })
			proposals, refused, brief, err := train.Baseline(flows, opt)
			if err != nil {
				return err
			}
			if to != "" {
				if err := writeProposals(to, proposals); err != nil {
					return err
				}
			}
			if asJSON {
				return writeJSON(std.out, learnJSON{proposalsJSON(proposals), proposalsJSON(refused), brief})
			}
			printProposals(std.out, proposals, refused, to)
			if brief > 0 {
				fmt.Fprintf(std.out, "not looked at, there for less than --min-span %s: %d tuples that alert\n", opt.MinSpan, brief)
			}
			return nil
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&dir, "models", "m", "", "the models in use, in this `DIR`; the built-in ones where it is left out")
	fs.StringVar(&to, "to", "", "write the proposed models into this `DIR`")
	fs.DurationVar(&opt.MinSpan, "min-span", 24*time.Hour, "a tuple recurs when it is there for so long")
	fs.IntVar(&opt.MinContacts, "min-flows", 10, "and has so many flows")
	fs.Float64Var(&opt.Unsure, "unsure", 0.95, "propose nothing for tuples of this probability or more")
	fs.IntVar(&opt.Most, "most", 20, "at most `N` proposals")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func writeProposals(to string, proposals []train.Proposal) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, p := range proposals {
		path := filepath.Join(to, p.Model.File)
		if _, err := os.Stat(path); err == nil {
			return fmt.Errorf("%s exists; choose another folder", path)
		}
		if err := writeTo(path, func(w io.Writer) error { return models.Write(w, p.Model) }); err != nil {
			return err
		}
	}
	return nil
}

// proposalJSON is what learn --json prints of each.
type proposalJSON struct {
	Tuple       argusfeed.Tuple  `json:"tuple"`
	Label       string           `json:"label"`
	Probability float64          `json:"probability"`
	Detections  int              `json:"detections"`
	Flows       uint64           `json:"flows"`
	First       argusfeed.Time   `json:"first"`
	Last        argusfeed.Time   `json:"last"`
	Model       string           `json:"model,omitempty"`
	Protect     string           `json:"protect,omitempty"`
	Silences    []train.Silenced `json:"silences,omitempty"`
	Why         string           `json:"why"`
}

// learnJSON is what learn --json prints.
type learnJSON struct {
	Proposals     []proposalJSON `json:"proposals"`
	TooSuspicious []proposalJSON `json:"too_suspicious"`
	// TooBrief counts those that alert and were there for less than --min-span.
	TooBrief int `json:"too_brief"`
}

func proposalsJSON(all []train.Proposal) []proposalJSON {
	out := make([]proposalJSON, 0, len(all))
	for _, p := range all {
		out = append(out, proposalJSON{Tuple: p.Tuple, Label: p.Label, Probability: p.Probability, Detections: p.Detections,
			Flows: p.Flows, First: p.First, Last: p.Last, Model: p.Model.File, Protect: p.Allow, Silences: p.Silences, Why: p.Why})
	}
	return out
}

func printProposals(w io.Writer, proposals, refused []train.Proposal, to string) {
	if len(proposals) == 0 {
		fmt.Fprintln(w, "nothing to propose: no tuple alerts and recurs")
	}
	for _, p := range proposals {
		fmt.Fprintf(w, "%s\n    alerts %d times as %s, probability up to %.2f, in %d flows from %s to %s\n    %s\n",
			report.Plain(p.Tuple.String()), p.Detections, p.Label, p.Probability, p.Flows, p.First, p.Last, p.Why)
		fmt.Fprintf(w, "    as a model (%s) it would silence:\n", p.Model.File)
		for _, s := range p.Silences {
			fmt.Fprintf(w, "        %d of %d detections of %s\n", s.Detections, s.Of, report.Plain(s.Tuple.String()))
		}
		if p.Allow != "" {
			fmt.Fprintf(w, "    or, alerts without blocks: [protect] networks = [%q]\n", p.Allow)
		}
	}
	for _, p := range refused {
		fmt.Fprintf(w, "look at this first, it is nearly sure (%.2f): %s\n    %s\n", p.Probability, report.Plain(p.Tuple.String()), p.Why)
	}
	if to != "" && len(proposals) > 0 {
		fmt.Fprintf(w, "the models are in %s and in no use: move those that are right to where [detection] models points\n", to)
	}
}
