package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"

	slipsips "slips-ips"
	"slips-ips/agent"
)

func newConfig(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check and show slips.toml",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to do: %s check, show or default", cmd.CommandPath())
		},
	}
	cmd.AddCommand(newConfigCheck(std), newConfigShow(std), &cobra.Command{
		Use:   "default",
		Short: "Print slips.toml as shipped: every key with its default, unit and range",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := std.out.Write(slipsips.DefaultConfig)
			return err
		},
	})
	return cmd
}

func newConfigCheck(std streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say what is wrong in a slips.toml; exit status 2 if anything is",
		Long: `Check reads FILE (default ` + agent.DefaultConfigPath + `) and names each mistake with
its line, its key and what is allowed. What is right and hardly meant it warns of.
It opens no socket and changes nothing: it is safe on a live router.`,
		Args: atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			path := fileOrDefault(args)
			c, err := agent.LoadConfig(path)
			var wrong *agent.ConfigError
			if asJSON && (err == nil || errors.As(err, &wrong)) {
				if printErr := json.NewEncoder(std.out).Encode(checkResult(path, c, wrong)); printErr != nil {
					return printErr
				}
				if wrong != nil {
					return &quietError{err}
				}
				return nil
			}
			if err != nil {
				return &usageError{err}
			}
			for _, w := range c.Warnings() {
				fmt.Fprintf(std.err, "slips-ips: %s: warning: %s\n", path, w)
			}
			_, err = fmt.Fprintf(std.out, "%s: right\n", path)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// configResult is what config check --json prints.
type configResult struct {
	File   string          `json:"file"`
	Right  bool            `json:"right"`
	Errors []agent.Mistake `json:"errors"`
	// Warnings are there where it is right.
	Warnings []string `json:"warnings"`
}

func checkResult(path string, c agent.Config, wrong *agent.ConfigError) configResult {
	r := configResult{File: path, Right: wrong == nil, Errors: []agent.Mistake{}, Warnings: []string{}}
	if wrong != nil {
		r.Errors = wrong.Mistakes
	} else {
		r.Warnings = append(r.Warnings, c.Warnings()...)
	}
	return r
}

func newConfigShow(std streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show [FILE]",
		Short: "Print the configuration that results from a slips.toml and the defaults",
		Args:  atMostOne,
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := agent.LoadConfig(fileOrDefault(args))
			if err != nil {
				return &usageError{err}
			}
			if !asJSON {
				return toml.NewEncoder(std.out).Encode(c)
			}
			table, err := agent.ConfigTable(c)
			if err != nil {
				return err
			}
			enc := json.NewEncoder(std.out)
			enc.SetIndent("", "  ")
			return enc.Encode(table)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func fileOrDefault(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return agent.DefaultConfigPath
}

func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("%s takes one file, not %d", cmd.CommandPath(), len(args))
	}
	return nil
}
