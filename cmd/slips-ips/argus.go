package main

import (
	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/spf13/cobra"

	"slips-ips/argusfeed"
)

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
itself; a line that argus does not know is an error. FILE is read at the start: after
a change, systemctl restart slips-ips-argus. It waits until the interfaces
of ARGUS_INTERFACE are there and up, and says so: in the log, in systemctl status
slips-ips-argus, in slips-ips status and doctor. Without an ARGUS_INTERFACE it captures
on the interface of the default route, and waits until there is one. The default
FILE may be missing.`,
		Example: `  slips-ips argus
  echo ARGUS_INTERFACE=lan0 > lan.conf; slips-ips argus -c lan.conf`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return argusfeed.BecomeArgus(cmd.Context(), path, newLogger(std.err, 1), func(state string) {
				_, _ = daemon.SdNotify(false, "STATUS="+state) // for people only; the log has it as well
			})
		},
	}
	cmd.Flags().StringVarP(&path, "config", "c", argusfeed.DefaultServiceConf, "lines of argus.conf, from this `FILE`")
	return cmd
}
