package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/argusfeed"
	"slips-ips/models"
	"slips-ips/models/train"
)

// evalOptions are the flags of models eval and models fit.
type evalOptions struct {
	letters, reference string
	minFlows           int
	asJSON, builtin    bool
	byLetters          bool // judge the letters by themselves too
	classifier         string
	roc                string
	tuple, contacts    string
	to, data           string
	asOf               string
}

func newModelsEval(std streams) *cobra.Command {
	var opt evalOptions
	cmd := &cobra.Command{
		Use:   "eval FILE|DIR...",
		Short: "Measure the default scorer on labelled flows",
		Long: `Eval reads labelled flows (binetflow files with a label column, or folders of
them) and tells for each label and each capture how many tuples are detected, how
soon, and how many benign ones are alerted on. Each capture is scored by a
classifier that was fitted on the other ones, so that nothing is scored by what
has seen it; captures that share a host count as one. With --builtin the
classifier of this program is measured as it is: that says something about flows
it has not learned from only.

With --letters, tuples of which only the letters are known are measured too: by the
same classifier, and by one that learned from letters, each host left out.

The tables are Markdown, as docs/detection.md has them.`,
		Args: needFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkMinFlows(opt.minFlows); err != nil {
				return err
			}
			files, err := train.Files(args)
			if err != nil {
				return err
			}
			if opt.contacts != "" || opt.tuple != "" {
				return drawContacts(cmd, std, files, opt)
			}
			opt.byLetters = opt.letters != ""
			result, err := evaluate(cmd, std, files, opt)
			if err != nil {
				return err
			}
			tables := result.Tables()
			if opt.roc != "" {
				if err := writeTo(opt.roc, tables.ROCPicture); err != nil {
					return err
				}
			}
			if opt.asJSON {
				return writeJSON(std.out, tables)
			}
			return tables.Markdown(std.out, opt.reference != "")
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&opt.letters, "letters", "", "also measure on the letters in this `FILE` (label, tuple, flows, source, letters; tab separated)")
	fs.StringVar(&opt.reference, "reference", "", "beside it, the scorer slips-0.3.3 with the letters models in this `DIR`")
	fs.IntVar(&opt.minFlows, "min-flows", 10, "count tuples of at least `N` flows")
	fs.BoolVar(&opt.builtin, "builtin", false, "measure the built-in classifier as it is")
	fs.StringVar(&opt.classifier, "classifier", "", "measure the classifier in this `FILE` as it is")
	fs.BoolVar(&opt.asJSON, "json", false, "print JSON")
	fs.StringVar(&opt.roc, "roc", "", "draw the ROC curve into this SVG `FILE`")
	fs.StringVar(&opt.tuple, "tuple", "", "draw the contacts of this `TUPLE` (source-destination-port-protocol), with --contacts")
	fs.StringVar(&opt.contacts, "contacts", "", "the SVG `FILE` that --tuple is drawn into")
	return cmd
}

func newModelsFit(std streams) *cobra.Command {
	var opt evalOptions
	cmd := &cobra.Command{
		Use:   "fit FILE|DIR... --to FILE",
		Short: "Fit the classifier of the default scorer on labelled flows",
		Long: `Fit makes the classifier that the default scorer weighs its measurements with,
from labelled flows and beacons of the lab. The threshold is chosen so that, each
capture scored without it, at most 5 % of the benign tuples are ever alerted on.
The built-in classifier was made so; a new one becomes the built-in one as
models/classifier.toml.`,
		Args: needFiles,
		RunE: func(cmd *cobra.Command, args []string) error {
			if opt.to == "" {
				return usagef("%s needs --to FILE", cmd.CommandPath())
			}
			if err := checkMinFlows(opt.minFlows); err != nil {
				return err
			}
			learned, err := time.Parse(time.DateOnly, opt.asOf)
			if opt.asOf != "" && err != nil {
				return usagef("--learned %q is no day; write it as 2026-11-24", opt.asOf)
			}
			files, err := train.Files(args)
			if err != nil {
				return err
			}
			result, err := evaluate(cmd, std, files, opt)
			if err != nil {
				return err
			}
			c := result.Describe()
			c.Licence, c.Learned, c.Tool = "GPL-2.0-or-later", learned, "slips-ips models fit"
			if opt.data != "" {
				c.Data = opt.data
			}
			if err := writeTo(opt.to, func(w io.Writer) error { return models.WriteClassifier(w, c) }); err != nil {
				return err
			}
			fmt.Fprintf(std.out, "%s: alerts from a probability of %.3f\n", opt.to, c.Threshold)
			return nil
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&opt.to, "to", "", "write the classifier into this `FILE`")
	fs.StringVar(&opt.letters, "letters", "", "calibrate on the letters in this `FILE` too")
	fs.IntVar(&opt.minFlows, "min-flows", 10, "learn from tuples of at least `N` flows")
	fs.StringVar(&opt.data, "data", "", "what it is learned from, as `TEXT`")
	fs.StringVar(&opt.asOf, "learned", "", "the `DAY` of it, as 2026-11-24")
	return cmd
}

func needFiles(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usagef("%s needs labelled flows: files or folders", cmd.CommandPath())
	}
	return nil
}

// evaluate reads everything and scores it.
func evaluate(cmd *cobra.Command, std streams, files []string, opt evalOptions) (*train.Result, error) {
	load := train.LoadOptions{MinFlows: opt.minFlows, Letters: opt.byLetters, Progress: func(path string) {
		if isTerminal(std.err) {
			fmt.Fprintf(std.err, "reading %s\n", path)
		}
	}}
	if opt.reference != "" {
		set, err := loadModels(std, opt.reference)
		if err != nil {
			return nil, err
		}
		load.Reference = set
	}
	captures, err := train.Load(cmd.Context(), files, load)
	if err != nil {
		return nil, err
	}
	for _, c := range captures {
		toldSkipped(std, c.Name, c.Skipped)
	}
	var letters []*train.Sample
	if opt.letters != "" {
		if letters, err = train.LoadLetters(opt.letters, opt.minFlows); err != nil {
			return nil, err
		}
	}
	made, err := train.Synthetic()
	if err != nil {
		return nil, err
	}
	options := train.Options{MinFlows: opt.minFlows, Reference: opt.reference != ""}
	switch {
	case opt.builtin && opt.classifier != "":
		return nil, errors.New("--builtin and --classifier cannot be used together")
	case opt.builtin:
		c, err := models.DefaultClassifier()
		if err != nil {
			return nil, err
		}
		options.Classifier = &c
	case opt.classifier != "":
		f, err := os.Open(opt.classifier)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		c, err := models.ReadClassifier(f, opt.classifier)
		if err != nil {
			return nil, err
		}
		options.Classifier = &c
	}
	return train.Evaluate(captures, letters, made, options)
}

func drawContacts(cmd *cobra.Command, std streams, files []string, opt evalOptions) error {
	if opt.contacts == "" || opt.tuple == "" {
		return usagef("--tuple and --contacts go together")
	}
	t, err := argusfeed.ParseTuple(opt.tuple)
	if err != nil {
		return usagef("--tuple: %w", err)
	}
	for _, path := range files {
		flows, err := readFlows(cmd.Context(), std, path)
		if err != nil {
			return err
		}
		for i := range flows {
			if flows[i].Tuple == t {
				return writeTo(opt.contacts, func(w io.Writer) error { return train.ContactsPicture(w, t, flows) })
			}
		}
	}
	return fmt.Errorf("no flow is of the tuple %s", opt.tuple)
}

// readFlows reads all flows of a file and tells what was left out.
func readFlows(ctx context.Context, std streams, path string) ([]argusfeed.Flow, error) {
	flows, skipped, err := train.ReadFlows(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	toldSkipped(std, path, skipped)
	return flows, nil
}

func toldSkipped(std streams, name string, lines int) {
	if lines > 0 {
		fmt.Fprintf(std.err, "%s: left out, lines that are no flows: %d\n", name, lines)
	}
}

// checkMinFlows refuses what is no number of flows that can recur.
func checkMinFlows(n int) error {
	if n < 2 {
		return usagef("--min-flows %d is not allowed; use 2 or more", n)
	}
	return nil
}

// writeTo makes a file.
func writeTo(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
