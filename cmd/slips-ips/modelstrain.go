package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"slips-ips/argusfeed"
	"slips-ips/models"
	"slips-ips/models/train"
)

// trainOptions are the flags of models train.
type trainOptions struct {
	flows, tuple, labelled, to, evidence, learned string
	force                                         bool
	learn                                         train.LearnOptions
}

func newModelsTrain(std streams) *cobra.Command {
	var opt trainOptions
	cmd := &cobra.Command{
		Use:   "train --flows FILE {--tuple TUPLE | --labelled TEXT} --label LABEL --to FILE|DIR",
		Short: "Learn a model from the flows of a tuple",
		Long: `Train makes a model file for the default scorer from one tuple picked by hand, or
from each tuple whose label column contains a text. The model has the limits of
what the tuple did, a little wider, and its letters.

A model whose label says Normal (From-Normal-...) silences what fits it, in the
network of the tuple's destination. Any other adds --evidence to the log-odds of
what fits it: 3, the default, makes 0.1 to 0.7; "decisive" makes a detection of
everything that fits, 0 only gives the name.

The file goes into a folder that [detection] models or -m names, with whatever
else is to be used; a copy of the built-in models is in models/builtin of the
source.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if opt.flows == "" || opt.learn.Label == "" || opt.to == "" || (opt.tuple == "") == (opt.labelled == "") {
				return usagef("%s needs --flows, --label, --to, and --tuple or --labelled", cmd.CommandPath())
			}
			if err := opt.complete(); err != nil {
				return err
			}
			flows, err := readFlows(cmd.Context(), std, opt.flows)
			if err != nil {
				return err
			}
			if opt.tuple != "" {
				t, err := argusfeed.ParseTuple(opt.tuple)
				if err != nil {
					return usagef("--tuple: %w", err)
				}
				return trainOne(std, flows, t, opt, opt.to)
			}
			return trainLabelled(std, flows, opt)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&opt.flows, "flows", "", "learn from the flows in this `FILE`: whatever replay reads")
	fs.StringVar(&opt.tuple, "tuple", "", "the `TUPLE` to learn from: source-destination-port-protocol")
	fs.StringVar(&opt.labelled, "labelled", "", "learn from each tuple whose label contains `TEXT`; those with too few contacts are left out")
	fs.StringVar(&opt.learn.Label, "label", "", "the `LABEL` of the model, such as From-Botnet-TCP-HTTP-Mine-1; with --labelled, -1, -2 ... are added")
	fs.StringVar(&opt.to, "to", "", "write the model into this `FILE`, with --labelled into this folder")
	fs.StringVar(&opt.evidence, "evidence", "", "what fitting the model says, in log-odds: `N` from 0 to 10, or decisive")
	fs.BoolVar(&opt.learn.AnyPort, "any-port", false, "the model is for every port")
	fs.BoolVar(&opt.learn.AnyDestination, "any-destination", false, "a normal model is for every destination")
	fs.StringVar(&opt.learn.Licence, "licence", "", "the licence of the model, as `TEXT`")
	fs.StringVar(&opt.learn.Data, "data", "", "what it was learned from, as `TEXT`; the file and the tuple where it is left out")
	fs.StringVar(&opt.learned, "learned", "", "the `DAY` that it names, as 2026-11-24; today where it is left out")
	fs.BoolVar(&opt.force, "force", false, "overwrite files that exist")
	return cmd
}

// defaultEvidence is what a malicious model says that was learned from one
// tuple: much, and not all.
const defaultEvidence = 3

// complete works out what the flags leave open.
func (o *trainOptions) complete() (err error) {
	if o.learn.Learned, err = dayOf(o.learned); err != nil {
		return err
	}
	o.learn.Tool = "slips-ips models train, " + version
	normal := strings.EqualFold(models.LabelField(o.learn.Label, 1), "normal")
	switch {
	case o.evidence == "decisive" || o.evidence == "" && normal:
		o.learn.Evidence = models.Decisive
	case o.evidence == "":
		o.learn.Evidence = defaultEvidence
	default:
		if o.learn.Evidence, err = strconv.ParseFloat(o.evidence, 64); err != nil {
			return usagef("--evidence %q is not allowed; use a number from 0 to %d, or decisive", o.evidence, models.MaxEvidence)
		}
	}
	return nil
}

func trainOne(std streams, flows []argusfeed.Flow, t argusfeed.Tuple, opt trainOptions, path string) error {
	if opt.learn.Data == "" {
		opt.learn.Data = fmt.Sprintf("the tuple %s in %s", t, filepath.Base(opt.flows))
	}
	m, err := train.Learn(flows, t, opt.learn)
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); err == nil && !opt.force {
		return fmt.Errorf("%s exists; remove it or overwrite it with --force", path)
	}
	if err := writeTo(path, func(w io.Writer) error { return models.Write(w, m) }); err != nil {
		return err
	}
	b := m.Behaviour
	fmt.Fprintf(std.out, "%s: %s, gaps %s to %s (spread up to %.2f), %d to %d bytes (spread up to %.2f)\n",
		path, m.Label, b.MinGap, b.MaxGap, b.MaxGapSpread, b.MinSize, b.MaxSize, b.MaxSizeSpread)
	return nil
}

// trainLabelled learns from each tuple of a label.
func trainLabelled(std streams, flows []argusfeed.Flow, opt trainOptions) error {
	var tuples []argusfeed.Tuple
	for i := range flows {
		if f := &flows[i]; strings.Contains(f.Label, opt.labelled) && !slices.Contains(tuples, f.Tuple) {
			tuples = append(tuples, f.Tuple)
		}
	}
	if len(tuples) == 0 {
		return fmt.Errorf("no flow in %s has a label with %q", opt.flows, opt.labelled)
	}
	if err := os.MkdirAll(opt.to, 0o755); err != nil {
		return err
	}
	made := 0
	for _, t := range tuples {
		one := opt
		one.learn.Label = fmt.Sprintf("%s-%d", opt.learn.Label, made+1)
		if err := trainOne(std, flows, t, one, filepath.Join(opt.to, modelFile(one.learn.Label))); err != nil {
			fmt.Fprintf(std.err, "left out: %v\n", err)
			continue
		}
		made++
	}
	if made == 0 {
		return errors.New("nothing was learned")
	}
	return nil
}
