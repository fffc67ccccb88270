package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"slips-ips/models"
)

func newModels(std streams, asked *agentFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "models",
		Short: "List, show, import, train, measure, update and verify models",
		Long: `A model is a behaviour that flows are compared with: one TOML file each, or a
.stfm file of the original slips. Without --models the built-in set is meant.

Signed sets of models are installed by update, checked by verify and made by sign.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to do: %s list, show, import, train, eval, fit, lab, update, rollback, verify or sign", cmd.CommandPath())
		},
	}
	cmd.AddCommand(newModelsList(std), newModelsShow(std), newModelsImport(std), newModelsEval(std), newModelsFit(std), newModelsLab(std), newModelsTrain(std),
		newModelsUpdate(std, asked), newModelsRollback(std, asked), newModelsVerify(std), newModelsSign(std))
	return cmd
}

// loadModels reads a folder, or takes the built-in set; what was left out is
// told on the standard error.
func loadModels(std streams, dir string) ([]models.Model, error) {
	if dir == "" {
		return models.Builtin()
	}
	set, warnings, err := models.LoadDir(dir)
	for _, w := range warnings {
		fmt.Fprintf(std.err, "left out: %v\n", w)
	}
	return set, err
}

func newModelsList(std streams) *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the models",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			set, err := loadModels(std, dir)
			if err != nil {
				return err
			}
			list := make([]models.Summary, 0, len(set))
			for _, m := range set {
				list = append(list, m.Summary())
			}
			if asJSON {
				return writeJSON(std.out, list)
			}
			t := newTable("label", "class", "kind", "protocol", "threshold", "letters", "file")
			for _, s := range list {
				threshold := ""
				if s.Threshold != nil {
					threshold = fmt.Sprintf("%.4g", *s.Threshold)
				}
				letters := ""
				if s.Kind == models.KindLetters {
					letters = fmt.Sprint(s.Letters)
				}
				t.AppendRow(table.Row{s.Label, s.Class, s.Kind, s.Protocol, threshold, letters, s.File})
			}
			fmt.Fprintln(std.out, t.Render())
			for _, s := range list {
				for _, note := range s.Notes {
					fmt.Fprintf(std.out, "%s: %s\n", s.File, note)
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&dir, "models", "m", "", "the models in this `DIR` in place of the built-in ones")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// classifierName is what detections name where no model gave them their name.
const classifierName = "classifier.toml"

func newModelsShow(std streams) *cobra.Command {
	var dir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show LABEL|FILE",
		Short: "Show all there is to know of a model",
		Long: `Show prints a model of the built-in set or of a folder. classifier.toml is the
classifier of the default scorer.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("%s takes one label or file name", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := loadModels(std, dir)
			if err != nil {
				return err
			}
			if args[0] == classifierName {
				c, err := models.DefaultClassifier()
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(std.out, c)
				}
				return models.WriteClassifier(std.out, c)
			}
			var found []models.Details
			for _, m := range set {
				if m.Label == args[0] || m.File == args[0] {
					found = append(found, m.Details())
				}
			}
			if len(found) == 0 {
				return fmt.Errorf("no model has the label or the file name %q; slips-ips models list shows them", args[0])
			}
			if asJSON {
				return writeJSON(std.out, found)
			}
			for _, d := range found {
				showModel(std, d)
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&dir, "models", "m", "", "the models in this `DIR` in place of the built-in ones")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func showModel(std streams, d models.Details) {
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(std.out, "%-12s %s\n", name, value)
		}
	}
	line("label", d.Label)
	line("file", d.File)
	line("class", string(d.Class))
	line("kind", string(d.Kind))
	line("protocol", d.Protocol)
	if d.Threshold != nil {
		what := "the largest distance that matches; the smallest there is is 1"
		if d.Kind == models.KindBehaviour {
			what = "how much less likely a letter may be than one of its own, as a logarithm"
		}
		line("threshold", fmt.Sprintf("%.10g (%s)", *d.Threshold, what))
	}
	if d.Counts != nil {
		line("letters", fmt.Sprint(d.Letters))
		line("begin", d.Start)
	}
	if l := d.Limits; l != nil {
		line("contacts", fmt.Sprintf("at least %d; flows that start within %s of each other are one", l.MinContacts, l.Merge))
		line("gaps", fmt.Sprintf("median from %s to %s, spread at most %g", l.MinGap, l.MaxGap, l.MaxGapSpread))
		line("sizes", fmt.Sprintf("spread at most %g", l.MaxSizeSpread))
		if l.MinSize > 0 || l.MaxSize > 0 {
			line("bytes", fmt.Sprintf("median from %d to %d", l.MinSize, l.MaxSize))
		}
		if len(l.Ports) > 0 {
			line("ports", strings.Trim(fmt.Sprint(l.Ports), "[]"))
		}
		if len(l.NotPorts) > 0 {
			line("not ports", strings.Trim(fmt.Sprint(l.NotPorts), "[]"))
		}
		line("destinations", strings.Join(l.Destinations, " "))
		line("evidence", evidenceText(d.Class, l.Evidence))
	}
	line("data", d.Data)
	line("tool", d.Tool)
	line("learned", d.Learned)
	line("licence", d.Licence)
	for _, note := range d.Notes {
		line("note", note)
	}
}

// evidenceText says what fitting a behaviour model says.
func evidenceText(class models.Class, evidence *float64) string {
	switch normal := class == models.ClassNormal; {
	case evidence == nil && normal:
		return "decisive: what fits is silenced"
	case evidence == nil:
		return "decisive: what fits is detected"
	case *evidence == 0:
		return "none: it gives the name of what is detected anyway"
	case normal:
		return fmt.Sprintf("-%g in log-odds for what fits", *evidence)
	default:
		return fmt.Sprintf("+%g in log-odds for what fits", *evidence)
	}
}

func newModelsImport(std streams) *cobra.Command {
	var (
		opts    models.ImportOptions
		to      string
		learned string
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "import FILE|DIR... --to DIR",
		Short: "Turn .stfm files of the original slips into TOML files",
		Long: `Import reads the .stfm files of the original slips (0.2 and 0.3.3) and writes
each as a TOML file. They are Python pickles; nothing in them is executed, and a
file that asks for more than data is refused. They can also be used as they
are: -m DIR reads both kinds of files.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || to == "" {
				return usagef("%s needs files or folders, and --to DIR", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if learned != "" {
				day, err := time.Parse(time.DateOnly, learned)
				if err != nil {
					return usagef("--learned %q is no day; write it as 2016-09-08", learned)
				}
				opts.Learned = day
			}
			opts.Tool = "slips-ips " + version
			report, err := models.Import(args, to, opts)
			return finishImport(std, report, err, asJSON)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&to, "to", "", "write the TOML files into this `DIR`, which is made where it is missing")
	fs.BoolVar(&opts.Force, "force", false, "overwrite files that exist")
	fs.StringVar(&opts.Licence, "licence", "", "the licence of the models, as `TEXT`; GPL-2.0 for those of the original")
	fs.StringVar(&opts.Data, "data", "", "what the models were learned from, as `TEXT`")
	fs.StringVar(&learned, "learned", "", "the `DAY` when they were learned, as 2016-09-08")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// importResult is what models import --json prints of each file.
type importResult struct {
	Source string   `json:"source"`
	Target string   `json:"target,omitempty"`
	Label  string   `json:"label,omitempty"`
	Notes  []string `json:"notes,omitempty"`
	Error  string   `json:"error,omitempty"`
}

func finishImport(std streams, report []models.Imported, err error, asJSON bool) error {
	if err != nil {
		return err
	}
	results := make([]importResult, 0, len(report))
	failed := 0
	for _, r := range report {
		result := importResult{Source: r.Source, Target: r.Target, Label: r.Model.Label, Notes: r.Notes}
		if r.Err != nil {
			failed++
			result.Error = r.Err.Error()
		}
		results = append(results, result)
		if asJSON {
			continue
		}
		if r.Err != nil {
			fmt.Fprintf(std.err, "refused: %v\n", r.Err)
			continue
		}
		fmt.Fprintf(std.out, "%s -> %s (%s)\n", r.Source, r.Target, r.Model.Label)
		for _, note := range r.Notes {
			fmt.Fprintf(std.out, "    %s\n", note)
		}
	}
	if asJSON {
		if err := writeJSON(std.out, results); err != nil {
			return err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d files were not imported", failed, len(report))
	}
	if len(report) == 0 {
		return errors.New("nothing was imported")
	}
	return nil
}
