package main

import (
	"github.com/spf13/cobra"

	"slips-ips/argusfeed"
)

// argusConfPath is the admin's argus.conf for the argus of slips-ips-argus.service.
const argusConfPath = "/etc/slips-ips/argus.conf"

func newArgus(std streams) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "argus",
		Short: "Become an argus that suits the agent, as slips-ips-argus.service does",
		Long: `Argus replaces itself by the program argus (of Debian's argus-server), which then
runs in the foreground and listens on port 9561 of 127.0.0.1, for the source
argus://127.0.0.1:9561 of the agent. So the agent needs no right to capture, and
argus none to change the firewall.

Lines of FILE, in the form of argus.conf(5), take the place of what it does by
itself. Without an ARGUS_INTERFACE there it captures on the interface of the
default route, and waits until there is one. The default FILE may be missing.`,
		Example: `  slips-ips argus
  echo ARGUS_INTERFACE=lan0 > lan.conf; slips-ips argus -c lan.conf`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return argusfeed.BecomeArgus(cmd.Context(), path, newLogger(std.err, 1))
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", argusConfPath, "lines of argus.conf, from this `FILE`")
	return cmd
}
