package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"slips-ips/models"
	"slips-ips/models/lab"
	"slips-ips/models/train"
)

func newModelsLab(std streams) *cobra.Command {
	var to, asOf string
	cmd := &cobra.Command{
		Use:   "lab --to DIR",
		Short: "Make the built-in models anew from traffic of the lab",
		Long: `Lab makes traffic of every behaviour that the original slips shipped a model of:
packets with crafted times in a file, which argus reads. Nothing is sent. Each
behaviour becomes a model file in DIR; the built-in ones were made so. argus must
be installed.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if to == "" {
				return usagef("%s needs --to DIR", cmd.CommandPath())
			}
			learned, err := dayOf(asOf)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(to, 0o755); err != nil {
				return err
			}
			dir, err := os.MkdirTemp("", "slips-ips-lab-")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			for _, b := range lab.Behaviours {
				m, err := train.LabModel(cmd.Context(), dir, b, learned)
				if err != nil {
					return err
				}
				path := filepath.Join(to, modelFile(m.Label))
				if err := writeTo(path, func(w io.Writer) error { return models.Write(w, m) }); err != nil {
					return err
				}
				fmt.Fprintln(std.out, path)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "write the model files into this `DIR`")
	cmd.Flags().StringVar(&asOf, "learned", "", "the `DAY` that they name, as 2026-11-24; today where it is left out")
	return cmd
}

// modelFile is the name of the file of a model: its label without what every
// label begins with.
func modelFile(label string) string {
	return strings.ToLower(strings.TrimPrefix(label, "From-")) + ".toml"
}

// dayOf reads a day; empty is today.
func dayOf(s string) (time.Time, error) {
	if s == "" {
		now := time.Now().UTC()
		return time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC), nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return t, usagef("--learned %q is no day; write it as 2026-11-24", s)
	}
	return t, nil
}
