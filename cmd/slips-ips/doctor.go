package main

import (
	"strings"

	"github.com/spf13/cobra"

	"slips-ips/agent"
	"slips-ips/agent/numbers"
)

// diagnosis is what doctor --json prints.
type diagnosis struct {
	Failed   int             `json:"failed"`
	Warned   int             `json:"warned"`
	Findings []agent.Finding `json:"findings"`
}

func newDoctor(std streams, asked *agentFlags) *cobra.Command {
	var (
		configPath         string
		asJSON, noSelfTest bool
	)
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say whether this host has what the agent needs, and what may be in its way",
		Long: `Doctor looks at the configuration, the programs, the kernel, other firewalls, where
flows are captured, the state folder and the agent itself, and proves in a network
namespace of its own that a block stops a packet (as root). It changes nothing: it
is safe on a live router. The exit status is 1 where something fails.`,
		Example: `  slips-ips doctor
  slips-ips doctor --json | jq '.findings[] | select(.verdict != "ok")'`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := diagnosis{Findings: []agent.Finding{}}
			c, err := loadConfig(configPath, cmd.Flags().Changed("config"))
			switch used := usedPath(configPath); {
			case err != nil:
				d.Findings = append(d.Findings, agent.Finding{Verdict: agent.FindingFail, Check: "config", What: err.Error(), Do: "slips-ips config check " + configPath + "; what follows goes by the defaults"})
				c = agent.DefaultConfig()
			case used == "":
				d.Findings = append(d.Findings, agent.Finding{Verdict: agent.FindingOK, Check: "config", What: "there is no " + configPath + ": the defaults"})
			default:
				d.Findings = append(d.Findings, agent.Finding{Verdict: agent.FindingOK, Check: "config", What: used + " is right, the mode is " + c.Agent.Mode.String()})
			}
			socket := asked.socket
			if !cmd.Flags().Changed("socket") && c.Agent.Socket != "" {
				socket = c.Agent.Socket
			}
			d.Findings = append(d.Findings, agent.Diagnose(cmd.Context(), c, socket, !noSelfTest)...)
			return d.write(std, asJSON)
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&configPath, "config", "c", agent.DefaultConfigPath, "look at this slips.toml `FILE`; the default one may be missing")
	fs.BoolVar(&asJSON, "json", false, "print JSON")
	fs.BoolVar(&noSelfTest, "no-self-test", false, "do not prove that a block stops a packet")
	return cmd
}

// write counts the findings and prints them. A failure makes the exit status 1.
func (d diagnosis) write(std streams, asJSON bool) (err error) {
	for _, f := range d.Findings {
		switch f.Verdict {
		case agent.FindingFail:
			d.Failed++
		case agent.FindingWarn:
			d.Warned++
		}
	}
	if asJSON {
		err = writeJSON(std.out, d)
	} else {
		err = writeDiagnosis(std, d)
	}
	if err == nil && d.Failed > 0 {
		return exitError(exitFailed)
	}
	return err
}

// writeDiagnosis prints a checklist for people.
func writeDiagnosis(std streams, d diagnosis) error {
	p := painter(colourWanted(std.out))
	colours := map[agent.Verdict]string{agent.FindingFail: red, agent.FindingWarn: yellow}
	for _, f := range d.Findings {
		mark := p.paint(colours[f.Verdict], string(f.Verdict)) + strings.Repeat(" ", 5-len(f.Verdict))
		if _, err := std.out.Write([]byte(mark)); err != nil {
			return err
		}
		_ = say(std.out, "%-11s %s", f.Check, f.What)
		if f.Do != "" {
			_ = say(std.out, "%16s %s", "->", f.Do)
		}
	}
	_ = say(std.out, "")
	switch {
	case d.Failed > 0:
		return say(std.out, "%s, %s", numbers.Count(d.Failed, "thing fails", "things fail"), numbers.Count(d.Warned, "warning", "warnings"))
	case d.Warned > 0:
		return say(std.out, "nothing fails; %s", numbers.Count(d.Warned, "warning", "warnings"))
	}
	return say(std.out, "all is well")
}
