package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"slips-ips/agent"
	"slips-ips/policy/policytest"
)

func newPolicy(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Try the rules of a slips.toml",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usagef("say what to do: %s test", cmd.CommandPath())
		},
	}
	cmd.AddCommand(newPolicyTest(std))
	return cmd
}

func newPolicyTest(std streams) *cobra.Command {
	var (
		configPath string
		asJSON     bool
	)
	cmd := &cobra.Command{
		Use:   "test FILE...",
		Short: "Ask the policy the cases of FILE and say where its answer is another one",
		Long: `Test asks the [policy] and [protect] of a slips.toml the cases of each FILE, which
is TOML:

    [[case]]
    name = "a beacon that is known is blocked at its third match"
    matches = 3
    [case.detection]
    tuple = "192.168.1.20-203.0.113.9-443-tcp"
    probability = 0.97
    [case.expect]
    action = "block"
    duration = "1h"

docs/policy.md has every key. Nothing is opened but the files, nothing is changed:
it is safe on a live router. The exit status is 1 where an answer is another one,
2 where a file is wrong.`,
		Example: `  slips-ips policy test my.cases.toml
  slips-ips policy test -c new.toml --json my.cases.toml`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s needs a file of cases", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := loadConfig(configPath, cmd.Flags().Changed("config"))
			if err != nil {
				return err
			}
			return testPolicy(std.out, c, args, asJSON)
		},
	}
	cmd.Flags().StringVarP(&configPath, "config", "c", agent.DefaultConfigPath, "the `FILE` whose [policy] is asked; the shipped policy where the default one does not exist")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// policyFile is what policy test --json prints of a file.
type policyFile struct {
	File   string              `json:"file"`
	Cases  int                 `json:"cases"`
	Failed int                 `json:"failed"`
	Result []policytest.Result `json:"results"`
}

func testPolicy(out io.Writer, c agent.Config, paths []string, asJSON bool) error {
	var all []policyFile
	cases, failed := 0, 0
	for _, path := range paths {
		results, err := testPolicyFile(c, path)
		if err != nil {
			return &usageError{fmt.Errorf("reading the cases of %s: %w", path, err)}
		}
		f := policyFile{path, len(results), policytest.Failed(results), results}
		all = append(all, f)
		cases, failed = cases+f.Cases, failed+f.Failed
	}
	if asJSON {
		if err := writeJSON(out, all); err != nil {
			return err
		}
	} else {
		for _, f := range all {
			printPolicyFile(out, f)
		}
		fmt.Fprintf(out, "%d cases, %d failed\n", cases, failed)
	}
	if failed > 0 {
		return fmt.Errorf("testing the policy: %d of %d cases got another answer", failed, cases)
	}
	return nil
}

func testPolicyFile(c agent.Config, path string) ([]policytest.Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, policytest.MaxFile+1))
	if err != nil {
		return nil, err
	}
	parsed, err := policytest.Parse(data)
	if err != nil {
		return nil, err
	}
	results, err := policytest.Run(c.Policy, c.Protect, c.Detection.Width, parsed)
	if err != nil {
		return nil, errors.Join(errors.New("asking the policy"), err)
	}
	return results, nil
}

// printPolicyFile tells, a line each, what failed: file:line first, as compilers do.
func printPolicyFile(out io.Writer, f policyFile) {
	for _, r := range f.Result {
		if r.OK {
			continue
		}
		fmt.Fprintf(out, "%s:%d: %s\n", f.File, r.Line, r.Name)
		for _, d := range r.Differences {
			fmt.Fprintf(out, "    %s: want %s, got %s\n", d.Key, d.Want, d.Got)
		}
		fmt.Fprintf(out, "    it says: %s\n", r.Decision.Reason)
	}
}
